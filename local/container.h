// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A local container in the daemon's memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "cri/pods/persisted.h"
#include "images/layer_hold.h"
#include "local/end_waits.h"
#include "local/lifecycle.h"

namespace davit::local {

// The pod of a container that runs or is being started.
struct Run {
  std::string sandbox_id;
  std::string container_id;
};

// What a container was created as.
struct Definition {
  api::ContainerSpec spec;
  std::vector<std::string> command_line;  // of the spec and the image
  std::vector<VolumeUse> volumes;
  // Why its record cannot be read, if so; the spec is empty then. Such a container is never started and its
  // record is never written, so that a release that can read it finds it as it was.
  std::string unreadable;
};

// Thread-safe.
class LocalContainer {
 public:
  using DefinitionPtr = std::shared_ptr<const Definition>;
  struct Parts {
    DefinitionPtr definition;
    images::LayerHold layers;  // protects the image's layers from removal while the container exists
    cri::Persisted<LocalRecord>::Write write;
    // Called whenever a claim has been released, on that thread. `missed`: a TryTake has failed meanwhile.
    std::function<void(const LocalContainer&, bool missed)> released;
  };

  // `clock` must outlive the object.
  LocalContainer(LocalRecord record, Parts parts, const Clock& clock)
      : clock_(clock),
        id_(record.id),
        definition_(std::move(parts.definition)),
        released_(std::move(parts.released)),
        record_(std::move(record), Telling(waits_, std::move(parts.write))),
        layers_(std::move(parts.layers)) {}

  const std::string& id() const { return id_; }
  const Definition& definition() const { return *definition_; }
  const api::ContainerSpec& spec() const { return definition_->spec; }
  const std::vector<std::string>& command_line() const { return definition_->command_line; }
  const std::vector<VolumeUse>& volumes() const { return definition_->volumes; }
  const std::string& unreadable() const { return definition_->unreadable; }
  // kFailedPrecondition, with the reason, if its record could not be read.
  Result<> CheckReadable(std::string_view step) const;
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
  // kDeadlineExceeded if another operation holds it until `deadline_ms` (MonotonicMilliseconds of the clock),
  // kNotFound if the container is gone.
  Result<Claim> Take(int64_t deadline_ms) EXCLUDES(mutex_);
  // Without a wait: nullopt if another operation holds it, or if the container is gone.
  std::optional<Claim> TryTake() EXCLUDES(mutex_);

  // Waits for the container's end: see EndFor, and EndWaits for `done`.
  std::unique_ptr<EndWaits::Place> BeginWait(api::WaitContainerRequest::Condition condition,
                                             EndWaits::Done done) const {
    return record_.Read([&](const LocalRecord& r) { return waits_->Add(condition, r, std::move(done)); });
  }

  // Called with the claim held.
  void SetRun(std::optional<Run> run) EXCLUDES(mutex_);
  std::optional<Run> run() const EXCLUDES(mutex_);
  // Waits while a start is in progress whose pod does not exist yet. nullopt if there is no pod afterwards.
  std::optional<Run> AwaitRun(int64_t deadline_ms) const EXCLUDES(mutex_);

  // The id of the sandbox of the current run; empty if there is none, nullopt if there may be one whose id is
  // not known. Exists before run(), and after it. Called with the claim held.
  void SetSandbox(std::optional<std::string> id) EXCLUDES(mutex_);
  std::optional<std::string> sandbox() const EXCLUDES(mutex_);

  // Whether the processes of the current run are frozen. SetRun resets it.
  void SetPaused(bool paused) EXCLUDES(mutex_);
  bool paused() const EXCLUDES(mutex_);

  // Somebody ends the run: it must not be paused until all such objects are gone.
  class [[nodiscard]] Stopping {
   public:
    explicit Stopping(LocalContainer& of) : of_(of) { of_.CountStops(1); }
    ~Stopping() { of_.CountStops(-1); }
    Stopping(const Stopping&) = delete;
    Stopping& operator=(const Stopping&) = delete;

   private:
    LocalContainer& of_;
  };
  bool stopping() const EXCLUDES(mutex_);

  // Called with the claim held, on removal: from now on nobody can have the claim, and the layers are free.
  void SetGone() EXCLUDES(mutex_);

 private:
  static cri::Persisted<LocalRecord>::Write Telling(std::shared_ptr<EndWaits> waits,
                                                    cri::Persisted<LocalRecord>::Write write);
  void Unclaim() EXCLUDES(mutex_);
  void CountStops(int change) EXCLUDES(mutex_);

  const Clock& clock_;
  const std::string id_;
  const DefinitionPtr definition_;
  const std::function<void(const LocalContainer&, bool missed)> released_;
  const std::shared_ptr<EndWaits> waits_ = std::make_shared<EndWaits>();
  cri::Persisted<LocalRecord> record_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool claimed_ GUARDED_BY(mutex_) = false;
  bool missed_ GUARDED_BY(mutex_) = false;
  bool gone_ GUARDED_BY(mutex_) = false;
  std::optional<std::string> sandbox_ GUARDED_BY(mutex_) = "";
  std::optional<Run> run_ GUARDED_BY(mutex_);
  bool paused_ GUARDED_BY(mutex_) = false;
  int stops_ GUARDED_BY(mutex_) = 0;
  images::LayerHold layers_ GUARDED_BY(mutex_);
};

using LocalContainerPtr = std::shared_ptr<LocalContainer>;

// An error of the runtime about a container that was found, for its client: codes that would say that there
// is no container of the name, or that the client may not use it, become kFailedPrecondition.
Error AboutContainer(Error error);

}  // namespace davit::local
