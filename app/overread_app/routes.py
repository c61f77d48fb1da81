"""All routes of the app's own."""

from starlette.routing import Mount, Router

from overread_app.gallery import routes as gallery
from overread_app.reading import routes as reading

ROUTER = Router([Mount("/gallery", app=gallery.ROUTER), *reading.ROUTER.routes])
