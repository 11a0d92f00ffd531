// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Root filesystems of containers, as the daemon's verbs use them.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "snapshotter/usage_survey.h"

namespace davit {

// How a container sees the files of its layers.
struct FileView {
  // Of a pod, as a descriptor: the container sees the ids of its layers inside that, and what it writes has
  // the host's ids for them. -1: none.
  int user_namespace = -1;
  // The SELinux context of every file, which the layers need not have. Empty: their own.
  std::string selinux_context;
};

// Thread-safe. An ID is what NewId makes; anything else is kInvalidArgument. `chain_ids` are an image's
// layers, bottom first.
class Snapshots {
 public:
  virtual ~Snapshots() = default;

  // A path on the filesystem that holds everything.
  virtual const std::string& root() const = 0;
  // Whether Mount takes a user namespace.
  virtual bool CanIdmap() const = 0;

  // Makes the writable layer. kAlreadyExists when the container has one, kNotFound when a layer is missing.
  // Leaves nothing behind on failure.
  virtual Result<> Prepare(const std::string& container_id, const std::vector<std::string>& chain_ids) = 0;
  // The root filesystem as a detached mount for move_mount(2).
  virtual Result<UniqueFd> Mount(const std::string& container_id, const std::vector<std::string>& chain_ids,
                                 const FileView& view) = 0;
  // The files of an image without a container, read-only: a detached mount.
  virtual Result<UniqueFd> MountImage(const std::vector<std::string>& chain_ids, const FileView& view) = 0;
  // Idempotent.
  virtual Result<> RemoveContainer(const std::string& container_id) = 0;

  // What the writable layer takes, as a walk in the background found it a while ago. Nothing when there is no
  // such container, or when the first walk takes longer than until `deadline_ms` (MonotonicMilliseconds).
  virtual std::optional<UsageReading> RecentContainerUsage(const std::string& container_id,
                                                           int64_t deadline_ms) const = 0;

  // For recovery: whatever is not named goes.
  virtual Result<> Collect(const std::set<std::string>& live_layers,
                           const std::set<std::string>& live_containers) = 0;
  // Why removed files could not be deleted, empty when all is well.
  virtual std::vector<Error> DeletionProblems() const = 0;
};

}  // namespace davit
