"""Data sets, pseudo-labels, losses, training, synthetic video and ONNX export (extra ``train``)."""
