import torch

from overread.models.network import Network


def made_network(num_channels=3, mean=0.5, std=0.25):
    torch.manual_seed(0)
    return Network(
        "narrow",
        mean=torch.full((num_channels,), mean),
        std=torch.full((num_channels,), std),
        num_classes=4,
        projection_size=16,
    )


def test_images_become_features_projections_and_logits():
    network = made_network().eval()
    images = torch.rand(3, 3, 32, 32)
    assert network.num_features == 256
    assert network.features(images).shape == (3, 256)
    assert network.project(images).shape == (3, 16)
    assert network(images).shape == (3, 4)


def test_logits_are_the_linear_head_of_the_features():
    network = made_network().eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        expected = network.features(images) @ network.head.weight.T + network.head.bias
        torch.testing.assert_close(network(images), expected)


def test_pixels_are_normalised_inside_so_shifted_and_stretched_sets_look_alike():
    plain, other = made_network(mean=0.5, std=0.25).eval(), made_network(mean=0.2, std=0.05).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(plain(images), other((images - 0.5) / 0.25 * 0.05 + 0.2), atol=1e-4, rtol=1e-3)


def test_the_weights_hold_all_that_a_prediction_needs():
    network, fresh = made_network(mean=0.3, std=0.1).eval(), made_network().eval()
    fresh.load_state_dict(network.state_dict())
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(images), fresh(images))
