"""The network stream against a real server on this machine: motion JPEG over HTTP, as webcams and phones send it."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from app.sources import StreamChoice, open_source
from app.sources.stream import NetworkStream, without_password
from models.errors import SourceError
from models.types import FrameSource

PERIOD_S = 0.02


class CameraServer:
    """Sends pictures whose brightness tells their number, a part each, and hangs up after ``limits[n]`` pictures on the
    n-th connection (then refuses with 503 once the list is used up)."""

    def __init__(self, limits):
        self.limits = list(limits)
        self.connections = 0
        self.stop = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                number = outer.connections
                outer.connections += 1
                if self.path == "/clip":
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(outer.clip)))
                    self.end_headers()
                    self.wfile.write(outer.clip[: round(len(outer.clip) * outer.kept)])
                    return
                if self.path != "/live" or number >= len(outer.limits):
                    self.send_error(404 if self.path != "/live" else 503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=part")
                self.end_headers()
                try:
                    for k in range(outer.limits[number]):
                        if outer.stop.wait(PERIOD_S):
                            return
                        data = cv2.imencode(".jpg", np.full((48, 64, 3), 20 + k % 100 * 2, np.uint8))[1].tobytes()
                        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                        self.wfile.write(head.encode() + data + b"\r\n")
                except OSError:
                    return  # the other side hung up

            def log_message(self, *args):
                pass

        self.clip, self.kept = b"", 1.0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_pictures_arrive_in_order_with_times_of_arrival():
    with CameraServer([10_000]) as server, open_source(StreamChoice(server.base + "/live"), paced=True) as stream:
        assert stream.is_live
        assert isinstance(stream, FrameSource)
        assert stream.nominal_fps is None  # motion JPEG states none
        begin_s = time.monotonic()
        frames = []
        for frame in stream:
            frames.append((frame.index, frame.time_s, frame.image.mean()))
            if len(frames) == 40:
                break
        took_s = time.monotonic() - begin_s
    assert [f[0] for f in frames] == list(range(40))
    times = [f[1] for f in frames]
    assert times[0] == 0.0
    assert times == sorted(set(times))
    # 40 pictures sent 0.02 s apart; times that FFmpeg makes up for motion JPEG would say 0.04 s, or run ahead
    assert times[-1] <= took_s
    # what came before the connection was ready is old and arrives in a burst; after it every picture counts one up
    assert np.allclose(np.diff([f[2] for f in frames]), 2, atol=1)


def test_a_stream_that_dies_is_reached_again_and_time_goes_on():
    with CameraServer([15, 12]) as server, NetworkStream(server.base + "/live") as stream:
        frames = []
        with pytest.raises(SourceError, match="broke off and could not be reached again"):
            for frame in stream:
                frames.append(frame)
    assert server.connections >= 3
    assert len(frames) >= 25  # the last picture of a connection may be cut off
    assert [f.index for f in frames] == list(range(len(frames)))
    steps = np.diff([f.time_s for f in frames])
    assert steps.min() > 0
    assert steps.max() > 0.15  # the gap is in the times


def test_a_stream_can_be_closed_while_it_is_read():
    with CameraServer([10_000]) as server:
        stream = NetworkStream(server.base + "/live")
        threading.Timer(0.3, stream.close).start()
        count = sum(1 for _ in stream)  # ends, or the test's time limit does
        assert count > 0
        assert list(stream) == []


def test_a_clip_behind_http_plays_at_its_own_pace_and_ends(tmp_path, write_video, portrait):
    path = write_video(tmp_path / "clip.mkv", [portrait] * 60)
    with CameraServer([]) as server:
        server.clip = path.read_bytes()
        with NetworkStream(server.base + "/clip") as stream:
            begin_s = time.monotonic()
            times = []
            for frame in stream:
                times.append(frame.time_s)
                assert time.monotonic() - begin_s >= frame.time_s - 0.05
    assert len(times) == 60
    assert np.allclose(np.diff(times), 1 / 30, atol=0.002)


def test_pictures_of_a_stream_are_upright(tmp_path, write_video):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:, :32] = 220  # the left half; turned by 90 degrees against the clock it lies at the bottom
    path = write_video(tmp_path / "turned.mkv", [picture] * 2, rotation_deg=90)
    with CameraServer([]) as server:
        server.clip = path.read_bytes()
        with NetworkStream(server.base + "/clip") as stream:
            image = next(iter(stream)).image
    assert image.shape == (64, 48, 3)
    assert image[32:].mean() > 180 > 40 > image[:32].mean()


def test_a_clip_that_breaks_off_is_not_taken_for_whole(tmp_path, write_video, portrait):
    path = write_video(tmp_path / "clip.mkv", [portrait] * 60)
    with CameraServer([]) as server:
        server.clip, server.kept = path.read_bytes(), 0.6
        frames = []
        with NetworkStream(server.base + "/clip") as stream, pytest.raises(SourceError, match="broke off before its"):
            for frame in stream:
                frames.append(frame)
    assert 0 < len(frames) < 60


def test_a_clip_that_cannot_be_played_from_a_server_is_a_sentence(face_video):
    with CameraServer([]) as server:
        server.clip = face_video.read_bytes()  # its index is at the end, and this server cannot jump
        with NetworkStream(server.base + "/clip") as stream, pytest.raises(SourceError, match="gave no picture"):
            list(stream)


def test_wrong_addresses_are_sentences():
    with CameraServer([]) as server:
        with pytest.raises(SourceError, match=r"cannot be opened \(.*404") as error:
            NetworkStream(server.base + "/wrong")
        assert "\n" not in str(error.value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match="Connection refused"):
        NetworkStream(f"http://127.0.0.1:{port}/live")


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system's steady clock needs no other one")
def test_the_time_of_arrival_goes_on_while_the_computer_sleeps(monkeypatch):
    real, slept_s = time.clock_gettime, [0.0]
    monkeypatch.setattr(time, "clock_gettime", lambda clock: real(clock) + slept_s[0] * (clock == time.CLOCK_BOOTTIME))
    with CameraServer([10_000]) as server, NetworkStream(server.base + "/live") as stream:
        times = []
        for frame in stream:
            times.append(frame.time_s)
            if len(times) == 10:
                slept_s[0] = 3600.0
            if len(times) == 20:
                break
    assert np.diff(times).max() > 3500.0


def test_passwords_are_not_shown():
    assert without_password("rtsp://u:p@host:554/x?a=1") == "rtsp://u:***@host:554/x?a=1"
    assert without_password("http://host/x") == "http://host/x"
    camera = "http://cam.local/videostream.cgi?user=admin&pwd=s3cret&rate=0&authToken=abc%20d"
    assert without_password(camera) == "http://cam.local/videostream.cgi?user=admin&pwd=***&rate=0&authToken=***"
    assert without_password("rtsp://host/live?channel=1&subtype=0") == "rtsp://host/live?channel=1&subtype=0"
    with pytest.raises(SourceError) as error:
        NetworkStream("http://u:secret@127.0.0.1:1/live")
    assert "secret" not in str(error.value)
