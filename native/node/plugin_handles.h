#pragma once
#include <memory>
#include <utility>

#include "backend/backend.h"
#include "backend/plugin.h"

/// What a backend over a plugin makes: a handle each, and the sizes that are asked for often.
namespace twofour::node {

/// A handle of the plugin, and the function that gives it back.
template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

class PluginLinear final : public PackedLinear {
 public:
  PluginLinear(const plugin::Functions& functions, Owned<plugin::Linear> handle, size_t rows, size_t columns)
      : functions_(functions), handle_(std::move(handle)), rows_(rows), columns_(columns) {}
  size_t rows() const override { return rows_; }
  size_t columns() const override { return columns_; }
  size_t nonzeros() const override { return functions_.nonzeros(handle_.get()); }
  std::vector<Form> forms() const override;
  std::vector<Choice> choices() const override;
  void hold_dense(bool hold) override { functions_.hold_dense(handle_.get(), hold); }
  void revert(std::optional<size_t> tokens, const std::string& reason) override;
  void settle() override { functions_.settle(handle_.get()); }
  plugin::Linear* handle() const { return handle_.get(); }
  std::optional<Scales> scales() const override;
  void calibrate(const Calibration& seen) override;
  void hold_scaling(std::optional<Scaling> held) override {
    functions_.hold_scaling(handle_.get(), held ? static_cast<int32_t>(*held) : -1);
  }

 private:
  struct Description;
  void describe(Description& description) const;

  const plugin::Functions& functions_;
  Owned<plugin::Linear> handle_;
  size_t rows_, columns_;
};

class PluginTable final : public Table {
 public:
  PluginTable(Owned<plugin::Table> handle, size_t bytes) : handle_(std::move(handle)), bytes_(bytes) {}
  size_t bytes() const override { return bytes_; }
  const plugin::Table* handle() const { return handle_.get(); }

 private:
  Owned<plugin::Table> handle_;
  size_t bytes_;
};

class PluginNorm final : public Norm {
 public:
  PluginNorm(Owned<plugin::Norm> handle, size_t bytes) : handle_(std::move(handle)), bytes_(bytes) {}
  size_t bytes() const override { return bytes_; }
  const plugin::Norm* handle() const { return handle_.get(); }

 private:
  Owned<plugin::Norm> handle_;
  size_t bytes_;
};

class PluginBatch final : public Batch {
 public:
  explicit PluginBatch(Owned<plugin::Batch> handle) : handle_(std::move(handle)) {}
  const plugin::Batch* handle() const { return handle_.get(); }

 private:
  Owned<plugin::Batch> handle_;
};

class PluginActivations final : public Activations {
 public:
  PluginActivations(Owned<plugin::Activations> handle, size_t tokens, size_t width)
      : handle_(std::move(handle)), tokens_(tokens), width_(width) {}
  size_t tokens() const override { return tokens_; }
  size_t width() const override { return width_; }
  plugin::Activations* handle() const { return handle_.get(); }
  plugin::Activations* release() { return handle_.release(); }

 private:
  Owned<plugin::Activations> handle_;
  size_t tokens_, width_;
};

inline const plugin::Linear* handle_of(const PackedLinear& linear) {
  return static_cast<const PluginLinear&>(linear).handle();
}
inline plugin::Linear* handle_of(PackedLinear& linear) { return static_cast<PluginLinear&>(linear).handle(); }
inline const plugin::Table* handle_of(const Table& table) {
  return static_cast<const PluginTable&>(table).handle();
}
inline const plugin::Norm* handle_of(const Norm& norm) {
  return static_cast<const PluginNorm&>(norm).handle();
}
inline const plugin::Batch* handle_of(const Batch& batch) {
  return static_cast<const PluginBatch&>(batch).handle();
}
inline plugin::Activations* handle_of(const Activations& activations) {
  return static_cast<const PluginActivations&>(activations).handle();
}
template <class T>
auto handle_or_null(const T* made) {
  return made == nullptr ? nullptr : handle_of(*made);
}

}  // namespace twofour::node
