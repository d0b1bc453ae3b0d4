#include "cuda/cuda_activations.h"

#include "cuda/buckets.h"
#include "cuda/cuda_linear.h"

namespace twofour::cuda {
namespace {

bool is_8_bit(Format format) { return format == Format::int8 || format == Format::float8; }

}  // namespace

CudaActivations::CudaActivations(Context& context, size_t tokens, size_t width, Word word,
                                 const Readers& readers, Extent extent)
    : tokens_(tokens),
      width_(width),
      capacity_(capacity_of(tokens)),
      extent_(extent),
      rows_wanted_(readers.plain || readers.linears.empty()) {
  const size_t stride = stride_of(width);
  data_ = context.memory().take(capacity_ * stride * bytes_of(word));
  rows_ = {data_.data(), word, width, stride};
  for (const PackedLinear* reader : readers.linears) {
    const auto& linear = static_cast<const CudaLinear&>(*reader);
    // Several might not agree on the scale, and make levels of their own.
    if (!is_8_bit(linear.format()) || readers.linears.size() > 1) {
      rows_wanted_ = true;
    } else {
      QuantisedBlocks blocks =
          make_quantised(context, linear.format(), capacity_, width, linear.input_step(tokens));
      quantised_ = blocks.quantised;
      levels_ = std::move(blocks.levels);
      scales_ = std::move(blocks.scales);
      zeros_ = std::move(blocks.zeros);
    }
  }
  quantised_.width = width;
  quantised_.stride = stride;
}

std::unique_ptr<CudaActivations> CudaActivations::view(size_t tokens) const {
  std::unique_ptr<CudaActivations> view(new CudaActivations());
  view->tokens_ = tokens;
  view->width_ = width_;
  view->capacity_ = capacity_;
  view->extent_ = extent_;
  view->rows_wanted_ = rows_wanted_;
  view->rows_ = rows_;
  view->quantised_ = quantised_;
  return view;
}

Rows CudaActivations::wanted_rows() const {
  Rows rows = rows_;
  if (!rows_wanted_) rows.data = nullptr;
  return rows;
}

QuantisedBlocks make_quantised(Context& context, Format format, size_t capacity, size_t width, float step) {
  QuantisedBlocks made;
  const size_t stride = stride_of(width);
  const bool is_int8 = format == Format::int8;
  made.levels = context.memory().take(capacity * stride);
  if (step == 0) made.scales = context.memory().take(capacity * sizeof(float));
  if (step == 0 && is_int8) made.zeros = context.memory().take(capacity * sizeof(int32_t));
  made.quantised = {.data = made.levels.data(),
                    .word = is_int8 ? QuantisedWord::int8 : QuantisedWord::e4m3,
                    .scales = made.scales.as<float>(),
                    .zeros = made.zeros.as<int32_t>(),
                    .width = width,
                    .stride = stride,
                    .step = step};
  return made;
}

}  // namespace twofour::cuda
