"""All routes of the app's own."""

from starlette.routing import Mount, Router

from overread_app.gallery import routes as gallery
from overread_app.reading import routes as reading
from overread_app.uploads import routes as uploads

ROUTER = Router([Mount("/gallery", app=gallery.ROUTER), Mount("/uploads", app=uploads.answer), *reading.ROUTER.routes])
