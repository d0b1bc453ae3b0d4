#include "engine/walk_chunks.h"

#include <algorithm>

#include "engine/positions.h"

namespace twofour {
namespace {

/// Sequences [first, last).
WalkChunk chunk_of(const EncoderSpec& spec, const WalkTokens& tokens, size_t first, size_t last,
                   Backend& backend) {
  const auto begin = tokens.offsets[first], end = tokens.offsets[last];
  const auto part = [&](const auto& of) { return std::vector(of.begin() + begin, of.begin() + end); };
  const std::vector<int32_t> ids = part(tokens.ids);
  std::vector<int32_t> types(spec.token_types > 0 ? ids.size() : 0), offsets;
  if (!types.empty() && !tokens.types.empty()) types = part(tokens.types);
  for (size_t sequence = first; sequence <= last; ++sequence)
    offsets.push_back(tokens.offsets[sequence] - begin);
  const std::vector<int32_t> positions = positions_of(ids, offsets, spec.position_padding);

  WalkChunk chunk{
      .tokens = ids.size(),
      .batch = backend.batch({.ids = ids, .types = types, .positions = positions, .offsets = offsets}),
      .counted = std::nullopt};
  if (tokens.counted.empty()) return chunk;
  std::vector<int32_t> counted;
  for (auto token = begin; token < end; ++token) {
    if (tokens.counted[static_cast<size_t>(token)] != 0) counted.push_back(token - begin);
  }
  if (counted.size() < chunk.tokens) chunk.counted = std::move(counted);
  return chunk;
}

}  // namespace

std::vector<WalkChunk> cut_chunks(const EncoderSpec& spec, const WalkTokens& tokens, size_t chunk_tokens,
                                  Backend& backend) {
  std::vector<WalkChunk> chunks;
  const size_t sequences = tokens.offsets.size() - 1;
  const auto length = [&](size_t from, size_t to) {
    return static_cast<size_t>(tokens.offsets[to] - tokens.offsets[from]);
  };
  for (size_t first = 0; first < sequences;) {
    size_t last = first + 1;
    while (last < sequences && length(first, last + 1) <= chunk_tokens) ++last;
    chunks.push_back(chunk_of(spec, tokens, first, last, backend));
    first = last;
  }
  return chunks;
}

std::vector<std::shared_ptr<Activations>> embed_chunks(const EncoderSpec& spec, const WeightSources& sources,
                                                       const std::vector<WalkChunk>& chunks, Backend& backend,
                                                       const Control& control) {
  const auto word = table_of(sources, "wordEmbeddings", backend);
  const auto position = table_of(sources, "positionEmbeddings", backend);
  const auto type = spec.token_types > 0 ? table_of(sources, "tokenTypeEmbeddings", backend) : nullptr;
  const auto norm = norm_of(sources, "embeddingNorm", spec.epsilon, backend);
  const auto projection =
      spec.projection ? pack_slots(sources, {.slots = {"embeddingProjection"}}, backend) : nullptr;

  std::vector<std::shared_ptr<Activations>> hidden;
  const auto blank = [&](size_t tokens, size_t width) {
    return std::shared_ptr(backend.activations(tokens, width, {.linears = {}, .plain = true}));
  };
  for (const WalkChunk& chunk : chunks) {
    control.report(hidden.size(), chunks.size());
    std::shared_ptr<Activations> out = blank(chunk.tokens, spec.embedding);
    backend.embed(*chunk.batch, *word, *position, type.get(), *norm, *out);
    if (projection) {
      const std::shared_ptr<Activations> narrow = std::move(out);
      out = blank(chunk.tokens, spec.hidden);
      backend.linear(*projection, *narrow, {}, *out);
    }
    hidden.push_back(std::move(out));
  }
  return hidden;
}

}  // namespace twofour
