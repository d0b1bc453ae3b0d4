"""Makes the int8 model that onnxruntime's users would run: python quantise.py model.onnx model-int8.onnx

Dynamic: weights become int8 with a scale per output channel, activations are quantised while the model runs. What is
quantised is onnxruntime's own default.
"""

import sys

from onnxruntime.quantization import QuantType, quantize_dynamic


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("Usage: python quantise.py MODEL.onnx OUT.onnx")
    source, target = sys.argv[1:]
    quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    main()
