// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A local container in the daemon's memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "cri/pods/persisted.h"
#include "images/layer_hold.h"
#include "local/lifecycle.h"

namespace davit::local {

// The pod of a container that runs or is being started.
struct Run {
  std::string sandbox_id;
  std::string container_id;
};

// Thread-safe.
class LocalContainer {
 public:
  using SpecPtr = std::shared_ptr<const api::ContainerSpec>;

  // `layers` protects the image's layers from removal while the container exists. `clock` must outlive the
  // object.
  LocalContainer(LocalRecord record, SpecPtr spec, images::LayerHold layers,
                 cri::Persisted<LocalRecord>::Write write, const Clock& clock)
      : clock_(clock),
        id_(record.id),
        spec_(std::move(spec)),
        record_(std::move(record), std::move(write)),
        layers_(std::move(layers)) {}

  const std::string& id() const { return id_; }
  const api::ContainerSpec& spec() const { return *spec_; }
  cri::Persisted<LocalRecord>& record() { return record_; }
  const cri::Persisted<LocalRecord>& record() const { return record_; }
  std::string name() const {
    return record_.Read([](const LocalRecord& r) { return r.name; });
  }

  // Held by the one operation at a time that starts the container, collects its end or removes it.
  class [[nodiscard]] Claim {
   public:
    explicit Claim(LocalContainer& of) : of_(&of) {}
    Claim(Claim&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim() {
      if (of_ != nullptr) of_->Unclaim();
    }

   private:
    LocalContainer* of_;
  };
  // kDeadlineExceeded if another operation holds it until `deadline_ms` (MonotonicMilliseconds of the clock).
  Result<Claim> Take(int64_t deadline_ms) EXCLUDES(mutex_);

  // Called with the claim held.
  void SetRun(std::optional<Run> run) EXCLUDES(mutex_);
  std::optional<Run> run() const EXCLUDES(mutex_);
  // Waits while a start is in progress whose pod does not exist yet. nullopt if there is no pod afterwards.
  std::optional<Run> AwaitRun(int64_t deadline_ms) const EXCLUDES(mutex_);

  // Called on removal.
  void ReleaseLayers() EXCLUDES(mutex_);

 private:
  void Unclaim() EXCLUDES(mutex_);

  const Clock& clock_;
  const std::string id_;
  const SpecPtr spec_;
  cri::Persisted<LocalRecord> record_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool claimed_ GUARDED_BY(mutex_) = false;
  std::optional<Run> run_ GUARDED_BY(mutex_);
  images::LayerHold layers_ GUARDED_BY(mutex_);
};

using LocalContainerPtr = std::shared_ptr<LocalContainer>;

}  // namespace davit::local
