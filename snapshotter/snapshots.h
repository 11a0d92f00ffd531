// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The interface to the root filesystems of containers that the daemon's verbs use.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "snapshotter/usage_survey.h"

namespace davit::snapshotter {

// How a container sees the files of its layers.
struct FileView {
  // A descriptor of the pod's user namespace. The ids of the layers are ids inside this namespace; files that
  // the container writes get the host ids that these map to. -1: none.
  int user_namespace = -1;
  // The SELinux context that every file appears with. Empty: the files' own contexts.
  std::string selinux_context;
};

// What a writable layer is for.
enum class LayerLife : uint8_t {
  kOneRun,   // one container, which is never started again: its files are never synced, and after a crash of
             // the host they cannot be trusted
  kOneBoot,  // containers that use it one after the other; otherwise the same
  kDurable,  // the same, and what a program has synced survives a crash of the host
};

// Thread-safe. IDs have the form that NewId creates; any other is kInvalidArgument. `chain_ids` are an
// image's layers, bottom first.
class Snapshots {
 public:
  virtual ~Snapshots() = default;

  // A path on the filesystem that holds everything.
  virtual const std::string& root() const = 0;
  // Whether Mount supports a user namespace.
  virtual bool CanIdmap() const = 0;

  // Creates the writable layer. kAlreadyExists if the container has one, kNotFound if a layer is missing. On
  // failure the container has no writable layer. A layer for more than one run is complete if it exists,
  // whatever has ended its making.
  virtual Result<> Prepare(const std::string& container_id, const std::vector<std::string>& chain_ids,
                           LayerLife life) = 0;
  // The root filesystem as a detached mount for move_mount(2).
  virtual Result<UniqueFd> Mount(const std::string& container_id, const std::vector<std::string>& chain_ids,
                                 const FileView& view) = 0;
  // The files of an image without a container, read-only: a detached mount.
  virtual Result<UniqueFd> MountImage(const std::vector<std::string>& chain_ids, const FileView& view) = 0;
  // What the container has changed: the upper directory of its overlay (overlayfs.rst), O_RDONLY. kNotFound
  // if it has no writable layer.
  virtual Result<UniqueFd> OpenChanges(const std::string& container_id) const = 0;
  // Idempotent.
  virtual Result<> RemoveContainer(const std::string& container_id) = 0;

  // The disk usage of the writable layer, measured a while ago by a walk in the background. Blocks only for
  // the first walk. nullopt if there is no such container, or if the first walk is not complete at
  // `deadline_ms` (MonotonicMilliseconds).
  virtual std::optional<UsageReading> RecentContainerUsage(const std::string& container_id,
                                                           int64_t deadline_ms) const = 0;

  // For recovery: removes all layers and containers that are not named. Durable layers stay, whatever is
  // named: RemoveContainer alone removes one.
  virtual Result<> Collect(const std::set<std::string>& live_layers,
                           const std::set<std::string>& live_containers) = 0;
  // The ids of the containers that have a durable layer.
  virtual Result<std::vector<std::string>> DurableLayers() const = 0;
  // Why removed files could not be deleted; empty if there is no problem.
  virtual std::vector<Error> DeletionProblems() const = 0;
};

}  // namespace davit::snapshotter
