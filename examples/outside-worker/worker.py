"""A worker that does not speak NATS: claims jobs, makes pictures, sends them and says so. Standard library only."""
import json, math, os, struct, time, urllib.request, zlib

URL = os.environ.get("OURVIDZ_URL", "http://127.0.0.1:3000")
TOKEN = os.environ["WORKER_TOKEN"]
CLAIM = {"queues": ["sdxl_queue"], "worker": os.environ.get("WORKER_NAME", "example"), "wait_seconds": 30}


def request(method, url, body, content_type, **headers):
    headers = {"Content-Type": content_type, **headers}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
        return json.loads(answer.read() or "null")


def post(path, body):
    return request("POST", URL + path, json.dumps(body).encode(), "application/json", Authorization=f"Bearer {TOKEN}")


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def picture(width, height, seed):
    """A PNG of coloured waves. This is where a model would be asked."""
    wave = bytes(int(128 + 127 * math.sin((x + seed) / 90 + x % 3)) for x in range(6 * width))
    offset = lambda y: 3 * int(width / 2 * (1 + math.sin(y / 120 + seed)))
    rows = b"".join(b"\0" + wave[offset(y):offset(y) + 3 * width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make(job):
    about, uploads = {"job_id": job["id"], "attempt": job["attempt"]}, job["uploads"]
    width, height = map(int, job["config"]["size"].split("*"))
    for done, slot in enumerate(uploads):
        progress = {"percent": 100 * done / len(uploads)}
        post("/api/job-callback", {**about, "status": "processing", "progress": progress})
        request(slot["method"], slot["url"], picture(width, height, slot["seed"]), slot["content_type"])
    post("/api/job-callback", {**about, "status": "completed", "assets": [slot["key"] for slot in uploads]})


while True:
    try:
        if job := post("/api/worker/claim", CLAIM):
            make(job)
            print("made", job["id"], flush=True)
    except OSError as error:  # nobody there; or 409: the job was cancelled, or another worker has it now
        print(error, getattr(error, "read", bytes)().decode(), flush=True)
        time.sleep(1)
