"""Watches a PyTorch model: histograms of its gradients and weights at every tenth step. Needs `torch`."""

import torch

import trackd

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

with trackd.init(project="watch-model") as run:
    run.watch(model, log="all", log_freq=10, log_graph=True)
    for _ in range(100):
        inputs = torch.randn(64, 8)
        loss = (model(inputs) - inputs.sin().sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log({"train/loss": loss.item()})
