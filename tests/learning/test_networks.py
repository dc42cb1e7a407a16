"""Networks by name, pretrained weights, the layer for Grad-CAM, and where they are computed."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from clinjup.kernel.errors import ClinjupError, WeightsUnavailableError
from clinjup.learning.architectures import Standardised, build_network
from clinjup.learning.cam import find_cam_layer
from clinjup.learning.compute import choose_compute, cpu_has_bfloat16
from clinjup.learning.memory import training_bytes
from clinjup.learning.pretrained import _answers

NETWORKS = ["small_cnn", "small_cnn_64", "test_resnet", "test_efficientnet", "test_convnext", "test_vit"]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_network_gives_logits_and_a_layer_for_grad_cam(name: str, channels: int) -> None:
    network = Standardised(build_network(name, outputs=2, channels=channels, image_size=64)).eval()
    images = torch.rand(3, channels, 64, 64)
    maps: list[torch.Tensor] = []
    layer, reshape = find_cam_layer(network, channels, 64)
    layer.register_forward_hook(lambda module, inputs, output: maps.append(output))
    logits = network(images)
    assert logits.shape == (3, 2)
    shown = reshape(maps[-1]) if reshape else maps[-1]
    assert shown.ndim == 4 and len(shown) == 3 and shown.shape[2] == shown.shape[3] > 1
    (gradient,) = torch.autograd.grad(logits.sum(), maps[-1])
    assert gradient.abs().sum() > 0


def test_tokens_become_maps_in_the_order_of_the_picture() -> None:
    network = Standardised(build_network("test_vit", outputs=1, channels=1, image_size=64)).eval()
    reshape = find_cam_layer(network, 1, 64)[1]
    assert reshape is not None
    side = 4
    tokens = torch.arange(1 + side * side).float().view(1, -1, 1) - 1  # a class token, then the patches row by row
    torch.testing.assert_close(reshape(tokens)[0, 0], torch.arange(16.0).view(4, 4))


def test_small_cnn_has_about_a_third_of_a_million_parameters() -> None:
    network = build_network("small_cnn", outputs=1, channels=1)
    assert 250_000 < sum(parameter.numel() for parameter in network.parameters()) < 400_000


def test_a_coarse_network_sees_images_at_its_own_size_whoever_shrinks_them() -> None:
    network = Standardised(build_network("small_cnn_64", outputs=1, channels=3)).eval()
    images = torch.rand(4, 3, 96, 96)
    seen = network.shrink(images)
    assert seen.shape == (4, 3, 64, 64) and network.shrink(seen) is seen
    torch.testing.assert_close(network(images), network(seen))
    plain = Standardised(build_network("small_cnn", outputs=1, channels=3))
    assert plain.shrink(images) is images


def test_exposure_of_the_film_does_not_reach_the_network() -> None:
    network = Standardised(build_network("small_cnn", outputs=1, channels=1)).eval()
    images = 0.2 + 0.4 * torch.rand(2, 1, 96, 96)
    torch.testing.assert_close(network(images), network(0.5 * images + 0.3), atol=1e-3, rtol=1e-3)
    assert torch.isfinite(network(torch.zeros(1, 1, 96, 96))).all()


@pytest.mark.parametrize("name", ["resnet181", "resnet18.not_a_tag"])
def test_an_unknown_network_is_named_with_those_that_are_like_it(name: str) -> None:
    with pytest.raises(ClinjupError, match=f"no network called '{name}'") as raised:
        build_network(name, outputs=1, channels=1)
    assert "resnet18" in str(raised.value).replace(name, "")


@pytest.mark.parametrize("classes", [14, 0], ids=["other head", "no head"])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_come_from_a_local_file_or_folder(tmp_path: Path, suffix: str, classes: int) -> None:
    source = timm.create_model("test_resnet", in_chans=1, num_classes=classes)
    path = tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save({"state_dict": source.state_dict()}, path)
    else:
        safetensors.torch.save_file(source.state_dict(), path)
    for place in (path, tmp_path):
        network = build_network("test_resnet", outputs=1, channels=1, pretrained=str(place))
        loaded, given = network.state_dict(), source.state_dict()
        head = timm.get_pretrained_cfg("test_resnet").classifier
        assert all(torch.equal(loaded[key], given[key]) for key in loaded if not key.startswith(head))
        assert loaded[f"{head}.weight"].shape[0] == 1


def test_three_colour_weights_serve_grey_films(tmp_path: Path) -> None:
    source = timm.create_model("test_resnet")
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    network = build_network("test_resnet", outputs=1, channels=1, pretrained=str(tmp_path))
    first = timm.get_pretrained_cfg("test_resnet").first_conv
    torch.testing.assert_close(
        network.state_dict()[f"{first}.weight"].sum(), source.state_dict()[f"{first}.weight"].sum()
    )


@pytest.mark.parametrize("case", ["no such file", "of another network", "with code inside", "small_cnn"])
def test_weights_that_cannot_be_had_are_told_in_a_sentence(tmp_path: Path, case: str) -> None:
    path = tmp_path / "weights.pth"
    if case == "of another network":
        torch.save(timm.create_model("test_efficientnet").state_dict(), path)
    elif case == "with code inside":
        torch.save({"weights": Path.cwd}, path)
    name = "small_cnn" if case == "small_cnn" else "test_resnet"
    with pytest.raises(WeightsUnavailableError, match="Train from scratch"):
        build_network(name, outputs=1, channels=1, pretrained=str(path))


def test_without_the_hub_only_its_cache_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsUnavailableError, match="hub cannot be reached"):
        build_network("test_resnet", outputs=1, channels=1, pretrained=True)

    folder = tmp_path / ("models--" + timm.get_pretrained_cfg("test_resnet").hf_hub_id.replace("/", "--"))
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    source = timm.create_model("test_resnet").state_dict()
    safetensors.torch.save_file(source, folder / "snapshots" / ("0" * 40) / "model.safetensors")
    network = build_network("test_resnet", outputs=1, channels=3, pretrained=True)
    first = timm.get_pretrained_cfg("test_resnet").first_conv
    assert torch.equal(network.state_dict()[f"{first}.weight"], source[f"{first}.weight"])


def test_a_server_that_keeps_silent_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert not _answers(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.3)
        assert time.monotonic() - began < 2
    assert not _answers("http://127.0.0.1:9/", seconds=2)


@pytest.fixture
def hub_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`hub_at(port)`: the hub is said to be on this port of this machine, with an empty cache."""

    def point(port: int) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        address = f"http://127.0.0.1:{port}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )

    return point


@pytest.mark.parametrize("case", ["silent", "refused", "stalls after its first answer"])
def test_a_closed_network_costs_a_sentence_and_a_bounded_wait(case: str, hub_at, monkeypatch) -> None:
    monkeypatch.setattr("clinjup.learning.pretrained.SECONDS_TO_REACH_HUB", 1.0)
    monkeypatch.setattr("clinjup.learning.pretrained.SECONDS_TO_FETCH", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        hub_at(server.getsockname()[1])
        if case == "refused":
            server.close()
        elif case != "silent":
            threading.Thread(target=_answer_once_then_keep_silent, args=(server,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(WeightsUnavailableError, match="Train from scratch") as raised:
            build_network("test_resnet", outputs=1, channels=1, pretrained=True)
        assert time.monotonic() - began < 20
    assert ("did not arrive" in str(raised.value)) == (case == "stalls after its first answer")


def test_weights_that_are_not_on_the_hub_are_waited_for_as_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from timm.models._registry import _model_pretrained_cfgs

    name = "legacy_seresnet18.in1k"
    assert not timm.get_pretrained_cfg(name).hf_hub_id
    monkeypatch.setattr("clinjup.learning.pretrained.SECONDS_TO_FETCH", 1.0)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/weights.pth"
        monkeypatch.setattr(_model_pretrained_cfgs[name], "url", url)
        threading.Thread(target=_answer_once_then_keep_silent, args=(server,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(WeightsUnavailableError, match="did not arrive"):
            build_network(name, outputs=1, channels=1, pretrained=True)
        assert time.monotonic() - began < 60


def _answer_once_then_keep_silent(server: socket.socket) -> None:
    first, _ = server.accept()
    first.recv(4096)
    first.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    first.close()
    kept = []  # later connections stay open without an answer
    while True:
        try:
            kept.append(server.accept())
        except OSError:
            return


def test_a_server_that_answers_with_an_error_is_there() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert _answers(f"http://127.0.0.1:{server.server_port}/", seconds=5)


def test_depthwise_networks_keep_float32_on_a_cpu() -> None:
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this machine trains on a GPU")
    plain, depthwise = (
        choose_compute(build_network(name, outputs=1, channels=1)) for name in ("small_cnn", "test_efficientnet")
    )
    assert plain.precision == ("bf16-mixed" if cpu_has_bfloat16() else "32-true")
    assert depthwise.precision == "32-true"
    assert plain.channels_last and depthwise.channels_last


def test_the_memory_estimate_grows_with_batch_and_size_and_leaves_the_network_alone() -> None:
    network = Standardised(build_network("small_cnn", outputs=1, channels=1))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    compute = choose_compute(network)
    small, more, larger = (
        training_bytes(network, torch.rand(2, 1, size, size), batch, compute)
        for size, batch in ((64, 8), (64, 32), (128, 32))
    )
    assert 1.5 * small < more < 4 * small
    assert 2.5 * more < larger < 4 * more
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
