import pytest

from overread.images.credentials import bare_url

SECRETS = ("hunter2", "AKIAEXAMPLE", "c0ffee5160")
AWS = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAEXAMPLE%2F20260101%2Fs3%2Faws4_request&X-Amz-Date=20260101"
    "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=hunter2&X-Amz-Signature=c0ffee5160"
)
SAS = "sv=2024-11-04&ss=b&srt=o&sp=r&se=2026-01-01T00%3A00Z&st=2025-01-01&spr=https&sig=c0ffee5160%3D"


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://user:hunter2@host/a.png", "https://host/a.png"),
        ("https://hunter2@host:8443/a b.png", "https://host:8443/a b.png"),
        ("https://user:p@hunter2@host/a@b.png", "https://host/a@b.png"),
        (f"https://host/a.png?{AWS}", "https://host/a.png"),
        (f"https://host/a.png?versionId=7&{AWS}#3", "https://host/a.png?versionId=7#3"),
        (f"https://host/a.png?{SAS}", "https://host/a.png"),
        (f"https://host/a.png?snapshot=2025&{SAS}", "https://host/a.png?snapshot=2025"),
        (f"https://host/a.png?response-content-type=image%2Fpng&{AWS}", "https://host/a.png"),
        ("https://host/a.png?AWSAccessKeyId=AKIAEXAMPLE&Expires=9&Signature=c0ffee5160", "https://host/a.png"),
        ("https://host/a.png?GoogleAccessId=AKIAEXAMPLE&Expires=9&Signature=c0ffee5160", "https://host/a.png"),
        ("https://host/a.png?X-Goog-Credential=AKIAEXAMPLE&X-Goog-Signature=c0ffee5160", "https://host/a.png"),
        ("https://host/a?Policy=c0ffee5160&Signature=c0ffee5160&Key-Pair-Id=AKIAEXAMPLE", "https://host/a"),
        ("https://host/a.png?alt=media&token=c0ffee5160", "https://host/a.png?alt=media"),
        ("https://host/a.png?access_token=hunter2", "https://host/a.png"),
        ("https://host/a.png?accessToken=hunter2&api_key=hunter2", "https://host/a.png"),
        ("https://host/a.png?x=1&amp;X%2DAmz-Signature=c0ffee5160", "https://host/a.png?x=1"),
        ("https://host/a.png#access_token=hunter2", "https://host/a.png"),
        ("s3://AKIAEXAMPLE:hunter2@bucket/a.png", "s3://bucket/a.png"),
        ("ftp://user:hunter2@host/a.png", "ftp://host/a.png"),
        (f"az://container/a.png?{SAS}", "az://container/a.png"),
    ],
)
def test_a_url_without_credentials_is_the_same_but_for_them(url, bare):
    assert bare_url(url) == bare
    assert bare_url(bare) == bare
    assert not any(secret in bare for secret in SECRETS)


@pytest.mark.parametrize(
    "url",
    [
        "https://host/a.png",
        "https://host:443/a%20b%23.png?#2",
        "https://host/a.png?size=1&sp=3&se=4&sv=5&expires=6&policy=7&&x",
        "https://host/iiif/?id=1&key=a&tokens=2&page=3",
        "https://host/a@b.png?mail=a@b#1",
        "s3://bucket/a?b#c d.png",
        "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine/a.png",
        "abfs://container@account.dfs.core.windows.net/a.png",
        "class a/b@c.png?token=1",
        "",
    ],
)
def test_what_has_no_credentials_stays_as_it_is(url):
    assert bare_url(url) == url
