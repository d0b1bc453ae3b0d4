#pragma once
#include <vector>

#include "plain/plain_objects.h"

namespace twofour::plain {

/// What token `query` of a sequence's tokens [begin, end) gives each of them in one head; sums to 1.
/// qkv: [tokens, 3 · heads · head_size].
std::vector<double> attention_weights(const PlainActivations& qkv, const Attention& attention, size_t head,
                                      size_t begin, size_t end, size_t query);

}  // namespace twofour::plain
