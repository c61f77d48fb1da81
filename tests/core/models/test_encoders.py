import pytest
import torch

from overread.models.encoders import NarrowResNet, build_encoder


def num_parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def num_residual_parameters(before, after, is_reduced):
    """Two 3 x 3 convolutions, a 1 x 1 in the shortcut where the size changes, and scale and shift after each."""
    convolutions = 9 * before * after + 9 * after * after + (before * after if is_reduced else 0)
    return convolutions + 2 * after * (3 if is_reduced else 2)


@pytest.mark.parametrize(("name", "width"), [("narrow", 256), ("resnet18", 512)])
@pytest.mark.parametrize("num_channels", [1, 3])
@pytest.mark.parametrize("side_px", [16, 64])
def test_an_image_of_any_size_becomes_one_vector(name, width, num_channels, side_px):
    encoder, num_features = build_encoder(name, num_channels)
    assert num_features == width
    with torch.inference_mode():
        assert encoder.eval()(torch.rand(2, num_channels, side_px, side_px)).shape == (2, width)


@pytest.mark.parametrize(("name", "standard_px", "small_px"), [("narrow", 1, 2), ("resnet18", 1, 4)])
def test_a_small_stem_keeps_the_size_of_the_image_and_nothing_else_changes(name, standard_px, small_px):
    def last_map_px(has_small_stem):
        encoder, _ = build_encoder(name, 3, has_small_stem=has_small_stem)
        last = encoder.blocks[-1] if name == "narrow" else encoder.layer4
        sizes = []
        last.register_forward_hook(lambda module, inputs, output: sizes.append(output.shape[-1]))
        with torch.inference_mode():
            encoder.eval()(torch.rand(1, 3, 32, 32))
        return sizes[0], num_parameters(encoder)

    (found_standard, num_standard), (found_small, num_small) = last_map_px(False), last_map_px(True)
    assert (found_standard, found_small) == (standard_px, small_px)
    first = {"narrow": 0, "resnet18": (49 - 9) * 3 * 64}[name]
    assert num_standard - num_small == first


@pytest.mark.parametrize("num_channels", [1, 3])
def test_the_narrow_encoder_has_the_parameters_of_its_five_blocks(num_channels):
    widths = [(16, 16, False), (16, 32, True), (32, 64, True), (64, 128, True), (128, 256, True)]
    expected = 9 * num_channels * 16 + 2 * 16 + sum(num_residual_parameters(*width) for width in widths)
    assert num_parameters(NarrowResNet(num_channels)) == expected


@pytest.mark.parametrize("num_channels", [1, 3])
def test_resnet18_is_the_published_one_without_its_classifier(num_channels):
    # 11,689,512 parameters (He et al. 2016, as counted by torchvision), 513,000 of them in the classifier.
    encoder, _ = build_encoder("resnet18", num_channels)
    assert num_parameters(encoder) == 11_689_512 - 513_000 - 49 * 64 * (3 - num_channels)
