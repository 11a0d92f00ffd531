// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Root filesystems: image layers, shared and never changed once committed, under one writable layer per
// container.
//
// On disk, all below a root of mode 0700 (layers hold other people's setuid programs):
//   layers/<hex>/fs       a committed layer; <hex> is its chain ID without "sha256:"
//   layers/<hex>/usage    "<bytes> <inodes>\n"
//   staging/<hex>/...     the same, being filled
//   containers/<id>/      upper and work
//   empty/                a layer for images that have none, or only one where two are needed
//   mount-points/         the lowest layer of every container
//   trash/                what a background thread deletes
// Things move between these directories by rename alone, so a crash at any instant leaves a layer committed
// or absent and a container complete or removable; the rest is garbage that Collect finds.
//
// Every method is thread-safe. Calls about one container or one layer are expected one at a time, as the
// caller's own locks have it; when they are not, one of them gets an error, and nothing is damaged. Only Sync
// waits for a disk.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "snapshotter/disk_usage.h"
#include "snapshotter/overlay.h"
#include "snapshotter/project_quota.h"
#include "snapshotter/snapshots.h"
#include "snapshotter/staging_ledger.h"
#include "snapshotter/trash.h"
#include "snapshotter/usage_survey.h"

namespace davit {

// What ImageFsInfo reports.
struct FsInfo {
  std::string mountpoint;  // the root directory: a path on the filesystem that holds everything
  DiskUsage layers;
  DiskUsage containers;
};

class Snapshotter final : public Snapshots {
 public:
  // `root` is an absolute path; it is made (mode 0700) when missing, its parent is not. kFailedPrecondition
  // when another process has it open. Goes on with deletions that were cut short.
  static Result<std::unique_ptr<Snapshotter>> Open(const std::string& root);
  // The same with the ways of an older kernel than the one that runs.
  static Result<std::unique_ptr<Snapshotter>> Open(const std::string& root, const OverlaySupport& support);

  // Returns promptly: a deletion in progress is left to the next Open.
  ~Snapshotter() override = default;

  // A path on the filesystem that holds everything.
  const std::string& root() const override { return root_; }

  // Layers. A chain ID is "sha256:" and 64 lower-case hexadecimal digits; anything else is kInvalidArgument.

  bool HasLayer(const std::string& chain_id) const;

  // A fresh empty directory of mode 0755 to fill (O_RDONLY | O_DIRECTORY); what a crash left in its place is
  // gone. kAlreadyExists when the layer is committed; kFailedPrecondition while it is staged already. Ends
  // with CommitLayer or AbandonLayer.
  Result<UniqueFd> StageLayer(const std::string& chain_id);

  // Records the usage and makes the layer visible. It is not durable before Sync. kFailedPrecondition when it
  // is not staged. AbandonLayer is right after any error.
  Result<> CommitLayer(const std::string& chain_id);

  // Throws a staged layer away; does nothing when it is not staged.
  void AbandonLayer(const std::string& chain_id);

  // A committed layer's directory, O_PATH | O_DIRECTORY. kNotFound when there is none.
  Result<UniqueFd> OpenLayer(const std::string& chain_id) const;

  // As recorded by CommitLayer; measured anew when the record is damaged.
  Result<DiskUsage> LayerUsage(const std::string& chain_id) const;

  // Idempotent, and fast whatever the layer's size. The record that names the layer must be gone for good
  // before: the first unlink follows at once. A container that has it mounted sees its files go.
  Result<> RemoveLayer(const std::string& chain_id);

  // Gives layers that are staged from now on a SELinux context, for what they hold takes it from its
  // directory. Whatever context a container sees its files under, the kernel asks for the right to the
  // layer's own file when a program's mapping changes (mprotect(2)): no dynamic linker works without it.
  Result<> LabelLayers(const std::string& selinux_context);

  // Containers. An ID is what NewId makes; anything else is kInvalidArgument. `chain_ids` are the image's
  // layers, bottom first, at most 500; none for an image without files.

  // Puts empty files and directories under the lowest layer of every container that is mounted from now on;
  // what the image has at the same path hides them. For the mount points of what every container gets:
  // overlayfs takes a quarter of a container's start to make them in the writable layer. Parents come before
  // what they hold; paths have no leading slash. Idempotent. Kernels before Linux 6.7, whose mount options
  // are short of room for layers, do without.
  Result<> AddMountPoints(const std::vector<std::string>& directories, const std::vector<std::string>& files);

  // Makes the writable layer; its root directory has the mode and owner of the topmost layer's.
  // kAlreadyExists when the container has one, kNotFound when a layer is missing. Leaves nothing behind on
  // failure.
  Result<> Prepare(const std::string& container_id, const std::vector<std::string>& chain_ids) override;

  // The root filesystem as a detached mount for move_mount(2); the host's mount table never shows it. Close
  // it as soon as it has been handed on: it pins the superblock. May be called again after a start that
  // failed, when the earlier mount is gone. The overlay is volatile: a sync in the container returns at once,
  // and nothing of it survives the host.
  Result<UniqueFd> Mount(const std::string& container_id, const std::vector<std::string>& chain_ids,
                         const FileView& view = {}) override;

  // The files of an image without a container, read-only: a detached mount, as above. kInvalidArgument for an
  // image without layers.
  Result<UniqueFd> MountImage(const std::vector<std::string>& chain_ids, const FileView& view = {}) override;

  // A container's root filesystem, attached at an existing directory of the caller's mount namespace, for
  // runtimes that need a path. The caller unmounts it.
  Result<> MountAt(const std::string& container_id, const std::vector<std::string>& chain_ids,
                   const std::string& path);

  // Whether Mount takes a user namespace: idmapped layers are named by descriptors, from Linux 6.13 on.
  bool CanIdmap() const override { return support_.lower_by_fd; }

  // Of the writable layer, by a walk; the container may be running. A container that has a user namespace is
  // counted by the filesystem where that can (project_quota.h), with what overlayfs needs beside its files.
  Result<DiskUsage> ContainerUsage(const std::string& container_id) const;
  // The same as a walk in the background found it a while ago (usage_survey.h). Nothing when there is no
  // such container, or when the first walk takes longer than until `deadline_ms` (MonotonicMilliseconds).
  std::optional<UsageReading> RecentContainerUsage(const std::string& container_id,
                                                   int64_t deadline_ms) const override;

  // Idempotent, and fast whatever the container wrote. Unmount before.
  Result<> RemoveContainer(const std::string& container_id) override;

  // All of it.

  // For recovery, before anything is staged or prepared: whatever is not named goes to the trash.
  Result<> Collect(const std::set<std::string>& live_layers,
                   const std::set<std::string>& live_containers) override;

  // Makes all committed layers durable, and everything else on the filesystem of `root` (syncfs(2)). On
  // failure the layers committed since the last success are gone, and those being staged cannot be committed.
  Result<> Sync();

  // Sums up what LayerUsage and RecentContainerUsage say.
  Result<FsInfo> Info() const;

  // Waits for the background deletions. For tests and for tools that want the space back.
  void WaitForDeletions();
  // Why things in the trash could not be deleted, empty when all is well.
  std::vector<Error> DeletionProblems() const override;

 private:
  Snapshotter(std::string root, UniqueFd root_fd, const OverlaySupport& support);

  Result<> OpenDirectories();
  Result<UniqueFd> MakeStagingDirectory(const std::string& chain_id, const std::string& name);
  Result<UniqueFd> OpenLayerAs(int flags, const std::string& chain_id) const;
  Result<> FillContainer(int container_fd, const std::vector<std::string>& chain_ids);
  Result<UniqueFd> FreshWorkDirectory(int container_fd);
  Result<DiskUsage> MeasureContainer(const std::string& container_id, const std::atomic<bool>* stop) const;
  Result<std::vector<UniqueFd>> OpenLowers(const std::vector<std::string>& chain_ids) const;
  Result<OverlayDirs> OpenOverlayDirs(int container_fd, const std::vector<std::string>& chain_ids,
                                      int user_namespace);
  Result<> Discard(int dir_fd, const std::string& name);
  Result<> CollectIn(int dir_fd, const std::set<std::string>& live_names);

  const std::string root_;
  const UniqueFd root_fd_;  // holds the lock on the root
  const OverlaySupport support_;
  UniqueFd layers_;
  UniqueFd staging_;
  UniqueFd containers_;
  std::optional<ProjectQuota> quota_;  // where the filesystem counts what containers write
  UniqueFd empty_;                     // a directory for overlays that lack a second layer
  UniqueFd mount_points_;              // once there are any
  std::unique_ptr<Trash> trash_;
  StagingLedger ledger_;
  mutable UsageSurvey survey_;
  Mutex sync_mutex_;  // one syncfs at a time, so that the one that a failure is reported to is alone to act
                      // on it
};

}  // namespace davit
