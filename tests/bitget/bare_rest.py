"""A REST server on loopback that answers every request as a test says: for answers no sane exchange gives."""

from aiohttp import web

OK = '{"code":"00000","msg":"success","requestTime":1695808949356,"data":{"orderId":"1"}}'


class Answers:
    """Answers every request alike and keeps the requests' paths and headers."""

    def __init__(self) -> None:
        self.body: bytes = OK.encode()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.Response:
        await request.read()
        self.seen.append((request.path, dict(request.headers)))
        return web.Response(body=self.body, status=self.status, headers=self.headers)

    def sent_to(self, path: str) -> dict[str, str]:
        return next(headers for seen, headers in self.seen if seen == path)

    def hold(self, data: str) -> None:
        """Answer with this JSON as the data of a successful envelope."""
        self.body = ('{"code":"00000","msg":"success","requestTime":1695808949356,"data":' + data + "}").encode()
