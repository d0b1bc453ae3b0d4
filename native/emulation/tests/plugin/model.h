#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/plugin.h"

/// A small encoder over the plugin's functions alone: one layer, every verb, seeded weights that are 2:4.
namespace twofour::emulation {

/// What a function of the plugin failed with.
struct PluginFailure : std::runtime_error {
  PluginFailure(const plugin::Failure& failure) : std::runtime_error(failure.message), code(failure.code) {}
  std::string code;
};

/// Throws PluginFailure.
template <class... Parameters, class... Arguments>
void call(plugin::Status (*function)(Parameters...), Arguments... arguments) {
  plugin::Failure failure{};
  if (function(arguments..., &failure) != 0) throw PluginFailure(failure);
}

/// The plugin beside this program, opened once.
const plugin::Functions& plugin_functions();

struct ModelSettings {
  Format format = Format::bfloat16;
  Sparsity sparsity = Sparsity::require;
  /// Seconds of measuring where `sparsity` is automatic, or for all that is dense.
  double budget = 1e-9;
  /// Of a batch, for the classes that are measured.
  size_t most_tokens = 64;
  bool one_scale = false;  ///< Of 8-bit inputs.
  int32_t device = 0;
  std::string cublaslt = "libcublasLt.so.13", cusparselt = "libcusparseLt.so.0";
};

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

/// What models of one device may share. Throws PluginFailure.
std::shared_ptr<plugin::Device> open_device(const ModelSettings& settings = {});

class Model {
 public:
  /// On a device of its own.
  explicit Model(const ModelSettings& settings = {});
  Model(const ModelSettings& settings, std::shared_ptr<plugin::Device> device);

  /// [sequences, hidden]: mean and first token's vector of sequences of `length` tokens, which `seed`
  /// chooses. One download, as its last act.
  std::vector<float> run(size_t sequences, size_t length, uint32_t seed) const;
  /// What the linear `query, key, value` runs, and why.
  std::string reason() const;
  /// Algorithms of all that was measured as it was loaded.
  std::vector<std::string> measured;

 private:
  Owned<plugin::Linear> linear(size_t rows, size_t columns, Format format, const ModelSettings& settings,
                               uint32_t seed) const;
  void tune(const ModelSettings& settings);
  Owned<plugin::Table> table(size_t rows, uint32_t seed) const;
  Owned<plugin::Norm> norm() const;
  Owned<plugin::Activations> activations(size_t tokens, size_t width,
                                         std::vector<const plugin::Linear*> readers, bool plain) const;
  Owned<plugin::Activations> apply(const plugin::Linear& linear, size_t rows, const plugin::Activations& in,
                                   size_t tokens, Activation activation, const plugin::Activations* residual,
                                   std::vector<const plugin::Linear*> readers, bool plain) const;

  const plugin::Functions& functions_;
  std::shared_ptr<plugin::Device> device_;
  Owned<plugin::Backend> backend_;
  Owned<plugin::Table> word_, position_, type_;
  Owned<plugin::Norm> norm_;
  Owned<plugin::Linear> query_key_value_, attention_out_, inner_, out_, pooler_;
};

}  // namespace twofour::emulation
