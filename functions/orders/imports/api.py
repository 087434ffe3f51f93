"""HTTP entry point of imports: a file in one call, a link for a file of any size, and what became of its rows."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from pydantic import BaseModel, ConfigDict

from edge import clients
from edge.auth import Rights
from edge.cursors import Cursors
from edge.http import HttpFunction, IdempotencyKey, Request, problems, raw_body
from edge.settings import CursorSettings, FromEnvironment, read
from kernel.clock import SystemClock, rfc3339
from kernel.errors import Invalid, Malformed, NotFound, TooLarge, UnsupportedMedia
from kernel.ids import derived_id
from orders.imports.files import LINK_LIFETIME_S, Files
from orders.imports.jobs import Format, Job, Jobs, State

WRITE = Rights.of("orders/write", "operations")
READ = Rights.of("orders/write", "operations", "auditors")
MAX_BYTES = 5 * 1024 * 1024
"""The largest file of one call, unpacked. Lambda itself takes six mebibytes, of which base64 would waste a quarter."""
FORMATS: dict[str, Format] = {"application/x-ndjson": "ndjson", "text/csv": "csv"}
handler = HttpFunction(max_body_bytes=MAX_BYTES, media_types=("application/json", *FORMATS))
app = handler.app
_clock = SystemClock()


class ImportSettings(FromEnvironment):
    """Where jobs and files are."""

    imports_table: str
    imports_bucket: str


class UploadIn(BaseModel):
    """What will be uploaded."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["ndjson", "csv"]


class UploadOut(BaseModel):
    """Where to PUT the file, until when; the link is all that the upload needs."""

    method: Literal["PUT"]
    url: str
    expires_in_s: int


class RefusalOut(BaseModel):
    """A row that placed no order: at which line, why; the first order's id where it is a duplicate."""

    line: int
    code: str
    detail: str
    order_id: str | None
    errors: list[dict[str, Any]]


class CountsOut(BaseModel):
    """Orders by what became of them."""

    rows: int
    placed: int
    duplicates: int
    refused: int


class ImportOut(BaseModel):
    """An import: `waiting` for its file, `running`, `done`, or `failed` as a whole, with the reason."""

    id: str
    state: State
    format: Format
    counts: CountsOut
    created_at: str
    ended_at: str | None
    reason: str | None
    links: dict[str, str]


class UploadedOut(ImportOut):
    """An import that waits for its file."""

    upload: UploadOut


class ReportOut(ImportOut):
    """An import with a page of the rows that placed no order, by line."""

    errors: list[RefusalOut]
    next_cursor: str | None


@lru_cache(maxsize=1)
def jobs() -> Jobs:
    """All import jobs."""
    return Jobs(clients.dynamodb(), read(ImportSettings).imports_table)


@lru_cache(maxsize=1)
def files() -> Files:
    """The uploaded files."""
    return Files(clients.s3(), read(ImportSettings).imports_bucket)


@lru_cache(maxsize=1)
def cursors() -> Cursors:
    """Cursors of reports."""
    return Cursors(clients.secret(read(CursorSettings).cursor_key_secret))


def _out(job: Job) -> dict[str, Any]:
    rows = job.placed + job.duplicates + job.refused
    return {
        "id": job.id,
        "state": job.state,
        "format": job.format,
        "counts": CountsOut(rows=rows, placed=job.placed, duplicates=job.duplicates, refused=job.refused),
        "created_at": job.created_at,
        "ended_at": job.ended_at,
        "reason": job.reason,
        "links": {"self": f"/v1/imports/{job.id}"},
    }


def _job(request: Request, operation: str, key: str, format_: Format, body: str) -> tuple[Job, bool]:
    """The job of an idempotency key, and whether it came before. Raises Invalid where it came with another body."""
    import_id, now = derived_id("imp", request.caller.id, operation, key), _clock.now()
    wanted = Job(import_id, format_, request.caller.id, request.cause, rfc3339(now), body)
    found = jobs().create(wanted, int(now.timestamp()))
    if (found.fingerprint, found.format) != (body, format_):
        raise Invalid("idempotency_key_reused", "This Idempotency-Key came before with another request body.")
    return found, found is not wanted


def _first(job: Job) -> Job:
    """The job as it was first answered, which is what a repeated request is answered."""
    return replace(job, state="waiting", placed=0, duplicates=0, refused=0, ended_at=None, reason=None)


def _headers(job: Job, *, replayed: bool) -> dict[str, str | list[str]]:
    return {"Location": f"/v1/imports/{job.id}", **({"Idempotency-Replayed": "true"} if replayed else {})}


FILE = {
    "requestBody": {
        "required": True,
        "description": "Orders as `POST /v1/orders` takes them, one a line; or CSV. At most 5 MiB; may be packed by gzip.",
        "content": {media: {"schema": {}} for media in FORMATS},
    }
}


@app.post(
    "/v1/orders/import",
    summary="Import a file of orders",
    tags=["imports"],
    status_code=202,
    responses={202: {"description": "The job"}, **problems(413, 415, 422)},
    openapi_extensions=FILE,
)
@handler.needs(WRITE)
def import_orders(idempotency_key: IdempotencyKey) -> Response[ImportOut]:
    """Place every order of a file of up to 5 MiB, in the background; good rows are never lost to bad ones."""
    request, event = handler.request(), app.current_event
    media = str(event.headers.get("content-type", "")).split(";")[0].strip().lower()
    if media not in FORMATS:
        raise UnsupportedMedia("unsupported_media_type", f"This reads {' and '.join(FORMATS)}.")
    content = _unpacked(raw_body(event.raw_event), str(event.headers.get("content-encoding", "")).strip().lower())
    if not content.strip():
        raise Malformed("empty_file", "The file is empty.")
    job, replayed = _job(request, "import", idempotency_key, FORMATS[media], hashlib.sha256(content).hexdigest())
    if job.state == "waiting":
        # The file's arrival starts the work: kept again after a crash, it starts again what has not begun.
        files().keep(job.id, content)
    return Response(202, "application/json", ImportOut(**_out(_first(job))), _headers(job, replayed=replayed))


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise UnsupportedMedia("unsupported_encoding", "A file is sent as it is, or packed by gzip.")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(body, MAX_BYTES + 1)
    except zlib.error:
        raise Malformed("malformed_gzip", "The request's body is not gzip.") from None
    if len(content) > MAX_BYTES:
        raise TooLarge("body_too_large", f"A file of one call has at most {MAX_BYTES} bytes, unpacked; ask for an upload instead.")
    if not unpacker.eof:
        raise Malformed("malformed_gzip", "The request's body is not all of a gzip file.")
    return content


@app.post(
    "/v1/imports",
    summary="Upload a file of orders of any size",
    tags=["imports"],
    status_code=201,
    responses={201: {"description": "The job, and where to PUT its file"}, **problems(413, 415, 422)},
)
@handler.needs(WRITE)
def create_import(upload: Annotated[UploadIn, Body()], idempotency_key: IdempotencyKey) -> Response[UploadedOut]:
    """Ask for a link to which a file may be PUT; its arrival starts the import. Asked again, the link is a fresh one."""
    request = handler.request()
    job, replayed = _job(request, "upload", idempotency_key, upload.format, request.body_fingerprint)
    link = UploadOut(method="PUT", url=files().link(job.id), expires_in_s=LINK_LIFETIME_S)
    return Response(201, "application/json", UploadedOut(**_out(_first(job)), upload=link), _headers(job, replayed=replayed))


@app.get(
    "/v1/imports/<import_id>",
    summary="How an import is",
    tags=["imports"],
    responses={200: {"description": "Its state, counts, and rows that placed no order"}, **problems(404)},
)
@handler.needs(READ)
def get_import(
    import_id: Annotated[str, Path(min_length=1, max_length=64)],
    cursor: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response[ReportOut]:
    """An import's state and counts, with the rows that placed no order, by line: never a value of theirs."""
    bound: dict[str, str | None] = {"import": import_id}
    after = int(cursors().open(cursor, bound)["line"]) if cursor else 0
    job = jobs().find(import_id)
    if job is None:
        raise NotFound("import_not_found", "There is no such import.")
    found, last = jobs().refusals(import_id, limit, after)
    errors = [RefusalOut(**asdict(refusal)) for refusal in found]
    following = cursors().seal({"line": str(last)}, bound) if last is not None else None
    return Response(200, "application/json", ReportOut(**_out(job), errors=errors, next_cursor=following))
