// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Root filesystems: shared image layers, which never change after their commit, under one writable layer per
// container.
//
// On disk, below a root of mode 0700 (layers may contain setuid programs):
//   layers/<hex>/fs       a committed layer; <hex> is its chain ID without "sha256:"
//   layers/<hex>/usage    "<bytes> <inodes>\n"
//   layers/<hex>/inventory  what `fs` consists of (inventory.h)
//   staging/<hex>/...     the same, for a layer that is being filled
//   containers/<id>/      upper and work
//   empty/                a lower directory for overlays with too few layers
//   mount-points/         the lowest layer of every container
//   replaced/             damaged layers that were replaced: containers may have them mounted until the next
//                         boot
//   trash/                files and directories that a background thread deletes
//   boot                  the id of the host's boot (proc_sys_kernel(5)) in which Collect was called last
//   checked               the same for NoteChecked: a link to the `boot` of then
// Files move between these directories only by rename. So after a crash a layer is either committed or
// absent, and a container is complete or can be removed; Collect removes everything else.
//
// Every method is thread-safe. The caller's locks should serialise the calls for one container or one layer;
// if they do not, one of the calls returns an error, and no data is damaged. Only Sync waits for data to
// reach the disk.
//
// After a power cut only those layers are whole that a successful Sync has covered. So the record that makes
// others use a layer is written after a Sync; and a layer without a record is not used after a boot.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/error.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "snapshotter/disk_usage.h"
#include "snapshotter/inventory.h"
#include "snapshotter/overlay.h"
#include "snapshotter/project_quota.h"
#include "snapshotter/snapshots.h"
#include "snapshotter/staging_ledger.h"
#include "snapshotter/trash.h"
#include "snapshotter/usage_survey.h"

namespace davit::snapshotter {

// What ImageFsInfo reports.
struct FsInfo {
  std::string mountpoint;  // the root directory: a path on the filesystem that holds everything
  DiskUsage layers;
  DiskUsage containers;
};

struct CommittedLayer {
  std::string chain_id;
  int64_t committed_ns = 0;  // UnixNanoseconds
};

class Snapshotter final : public Snapshots {
 public:
  // `root` is an absolute path. It is created (mode 0700) if it is missing; its parent must exist.
  // kFailedPrecondition if another process has it open. Resumes deletions that were interrupted.
  static Result<std::unique_ptr<Snapshotter>> Open(const std::string& root);
  // The same, but with the overlay features in `support` instead of those of the running kernel.
  static Result<std::unique_ptr<Snapshotter>> Open(const std::string& root, const OverlaySupport& support);

  // Returns promptly: the next Open resumes a deletion in progress.
  ~Snapshotter() override = default;

  // A path on the filesystem that holds everything.
  const std::string& root() const override { return root_; }

  // Layers. A chain ID is "sha256:" and 64 lower-case hexadecimal digits; anything else is kInvalidArgument.

  bool HasLayer(const std::string& chain_id) const;

  // Returns a new, empty directory of mode 0755 to fill (O_RDONLY | O_DIRECTORY); leftovers of a crash are
  // removed first. `staging` is the layer's chain ID or, for a second staging of the same layer, a random
  // name of the same form. kAlreadyExists if a layer of that name is committed, kFailedPrecondition if it is
  // already staged. The caller ends the staging with CommitLayer or AbandonLayer.
  Result<UniqueFd> StageLayer(const std::string& staging);

  // Records usage and inventory of what was staged and makes it visible as the layer. It is not durable
  // before Sync. `checksums` are those of its files, as far as they are known. kFailedPrecondition if it is
  // not staged, kAlreadyExists if another staging was committed as this layer, kDataLoss if a Sync failed
  // during the staging, kCancelled once `wanted`, which is called often, returns false. After any error the
  // caller should call AbandonLayer.
  Result<> CommitLayer(const std::string& staging, const std::string& chain_id,
                       std::vector<FileChecksum> checksums, const std::function<bool()>& wanted);
  Result<> CommitLayer(const std::string& chain_id);  // staged by its chain ID, without checksums, to the end

  // The same for a layer that is committed, but damaged. Until ReplaceLayer the old one stays in place;
  // containers that have it mounted keep it until the next boot. `staging` is from StageReplacement or
  // StageLayer. Durable when it returns. Errors as in
  // CommitLayer, and those of Sync.
  Result<UniqueFd> StageReplacement(const std::string& chain_id);
  Result<> ReplaceLayer(const std::string& staging, const std::string& chain_id,
                        std::vector<FileChecksum> checksums, const std::function<bool()>& wanted);

  // Takes a damaged layer away: it does not exist any more, but containers that have it mounted keep it until
  // the next boot. Idempotent.
  Result<> WithdrawLayer(const std::string& chain_id);
  // Sets the time of the layer's commit (ListLayers) to now.
  Result<> RenewLayer(const std::string& chain_id);

  // Discards what is staged under this name. No-op if nothing is.
  void AbandonLayer(const std::string& staging);

  // A committed layer's directory, O_PATH | O_DIRECTORY. kNotFound when there is none.
  Result<UniqueFd> OpenLayer(const std::string& chain_id) const;

  // The usage that CommitLayer recorded; measured again if the record is damaged.
  Result<DiskUsage> LayerUsage(const std::string& chain_id) const;

  // Compares a layer with its inventory (CheckInventory). kNotFound if there is no such layer;
  // kUnimplemented if it has no inventory, because an older release has committed it.
  Result<LayerCheck> CheckLayer(const std::string& chain_id, CheckDepth depth,
                                const std::function<bool()>& wanted) const;

  // In no particular order.
  Result<std::vector<CommittedLayer>> ListLayers() const;

  // Layers to check after a boot of the host, until NoteChecked: those committed since the boot before. A
  // disk that loses what it has confirmed would have lost parts of these; others survived an earlier boot.
  // One thread calls both methods.
  const std::set<std::string>& LayersOfLastBoot() const { return of_last_boot_; }
  // They are checked: no later start in this boot has to do it. Call it after Collect. After an error, which
  // the caller may ignore, the next start checks them again.
  Result<> NoteChecked();

  // For the start: takes over layers that an earlier process has committed and that no record names. Like
  // those that this process commits, they are durable after the next Sync. Returns false if the host has
  // booted since the earlier process: what no Sync had covered may then be damaged, and must not be used.
  bool AdoptLayers(const std::set<std::string>& chain_ids);

  // Idempotent, and fast whatever the layer's size. The caller must first delete durably the record that
  // names the layer, because files are unlinked at once. A container that has the layer mounted loses its
  // files.
  Result<> RemoveLayer(const std::string& chain_id);

  // Sets the SELinux context of layers that are staged from now on: their files inherit it from the
  // directory. Containers may see other contexts (FileView), but when a program changes a mapping
  // (mprotect(2)) the kernel checks the context of the layer's own file. Without access to that, no dynamic
  // linker works.
  Result<> LabelLayers(const std::string& selinux_context);

  // Containers. IDs have the form that NewId creates; any other is kInvalidArgument. `chain_ids` are the
  // image's layers, bottom first, at most 500; empty for an image without files.

  // Puts a layer with empty files and directories under the lowest layer of every container that is mounted
  // from now on; files of the image at the same paths hide them. They are the mount points that every
  // container needs: to create them in the writable layer would take a quarter of a container's start.
  // Parents come before their children; paths have no leading slash. Idempotent. No-op before Linux 6.7,
  // whose mount options have too little room for layers. A container with 500 layers does not get the extra
  // layer.
  Result<> AddMountPoints(const std::vector<std::string>& directories, const std::vector<std::string>& files);

  // Creates the writable layer; its root directory gets the mode and owner of the topmost layer's.
  // kAlreadyExists if the container has one, kNotFound if a layer is missing. On failure the container has no
  // writable layer.
  Result<> Prepare(const std::string& container_id, const std::vector<std::string>& chain_ids,
                   LayerLife life = LayerLife::kOneRun) override;

  // The root filesystem as a detached mount for move_mount(2); the host's mount table never shows it. Close
  // the descriptor as soon as it has been passed on, because it pins the superblock. May be called again
  // after a failed start, once the earlier mount is gone. Unless the layer is durable, the overlay is
  // volatile: a sync in the container returns at once, and its files do not survive a crash of the host.
  Result<UniqueFd> Mount(const std::string& container_id, const std::vector<std::string>& chain_ids,
                         const FileView& view = {}) override;

  // The files of an image without a container, read-only: a detached mount, as above. kInvalidArgument for an
  // image without layers.
  Result<UniqueFd> MountImage(const std::vector<std::string>& chain_ids, const FileView& view = {}) override;

  Result<UniqueFd> OpenChanges(const std::string& container_id) const override;

  // A container's root filesystem, attached at an existing directory of the caller's mount namespace, for
  // runtimes that need a path. The caller unmounts it.
  Result<> MountAt(const std::string& container_id, const std::vector<std::string>& chain_ids,
                   const std::string& path);

  // Whether Mount supports a user namespace: idmapped layers are passed as descriptors, from Linux 6.13 on.
  bool CanIdmap() const override { return support_.lower_by_fd; }

  // Measures the writable layer with a walk; the container may be running. For a container with a user
  // namespace the figure is that of the filesystem, if it counts projects (project_quota.h); this includes
  // the work directory of overlayfs.
  Result<DiskUsage> ContainerUsage(const std::string& container_id) const;
  // The same, measured a while ago in the background (usage_survey.h). Blocks only for the first walk.
  // nullopt if there is no such container, or if the first walk is not complete at `deadline_ms`
  // (MonotonicMilliseconds).
  std::optional<UsageReading> RecentContainerUsage(const std::string& container_id,
                                                   int64_t deadline_ms) const override;

  // Idempotent, and fast whatever the container wrote. The caller unmounts first.
  Result<> RemoveContainer(const std::string& container_id) override;

  // Layers and containers together.

  // For recovery, before the first StageLayer or Prepare: moves all layers and containers that are not named
  // to the trash, but no durable layer that is complete.
  Result<> Collect(const std::set<std::string>& live_layers,
                   const std::set<std::string>& live_containers) override;
  Result<std::vector<std::string>> DurableLayers() const override;

  // Makes all committed layers durable, and everything else on the filesystem of `root` (syncfs(2)). Blocks.
  // On failure the layers committed since the last successful Sync are removed, and the staged ones cannot be
  // committed.
  Result<> Sync();
  // The same, unless these layers are durable already.
  Result<> SyncLayers(const std::vector<std::string>& chain_ids);

  // The sums of LayerUsage and RecentContainerUsage. Containers without a reading are omitted; the first
  // walks may block it for 0.5 s in total.
  Result<FsInfo> Info() const;

  // Waits for the background deletions. For tests, and for tools that need the space to be free.
  void WaitForDeletions();
  // Why entries of the trash could not be deleted; empty if there is no problem.
  std::vector<Error> DeletionProblems() const override;

 private:
  Snapshotter(std::string root, UniqueFd root_fd, const OverlaySupport& support);

  Result<> OpenDirectories();
  Result<> CompareBoots();
  Result<UniqueFd> Stage(const std::string& staging, bool replaces);
  Result<UniqueFd> MakeStagingDirectory(const std::string& chain_id, const std::string& name, bool replaces);
  Result<> Complete(const std::string& staging, std::vector<FileChecksum> checksums,
                    const std::function<bool()>& wanted);
  Result<> SwapIn(const std::string& staging, const std::string& chain_id);
  Result<UniqueFd> OpenLayerAs(int flags, const std::string& chain_id) const;
  Result<> FillContainer(int container_fd, const std::vector<std::string>& chain_ids);
  // Also Collect's: what a crash has left of making a layer for several runs.
  static constexpr char kUnfinished[] = ".new";
  Result<> CollectUnfinished(int dir_fd);
  Result<> PrepareWhole(int dir_fd, const std::string& container_id,
                        const std::vector<std::string>& chain_ids);
  // Durable layers are in a directory of their own.
  struct WritableLayer {
    UniqueFd directory;
    LayerLife life = LayerLife::kOneRun;  // kOneRun stands for kOneBoot, too: they are mounted alike
  };
  Result<WritableLayer> OpenWritable(const std::string& container_id) const;
  Result<UniqueFd> FreshWorkDirectory(int container_fd);
  Result<DiskUsage> MeasureContainer(const std::string& container_id, const std::atomic<bool>* stop) const;
  Result<std::vector<UniqueFd>> OpenLowers(const std::vector<std::string>& chain_ids) const;
  Result<OverlayDirs> OpenOverlayDirs(int container_fd, const std::vector<std::string>& chain_ids,
                                      int user_namespace);
  Result<> Discard(int dir_fd, const std::string& name);
  Result<> NoteBoot();
  Result<> CollectIn(int dir_fd, const std::set<std::string>& live_names);

  const std::string root_;
  const UniqueFd root_fd_;  // holds the lock on the root
  const OverlaySupport support_;
  UniqueFd layers_;
  UniqueFd staging_;
  UniqueFd replaced_;
  UniqueFd containers_;
  UniqueFd durable_;                   // the writable layers that are kDurable
  std::optional<ProjectQuota> quota_;  // if the filesystem counts the files of containers
  UniqueFd empty_;                     // lower directory for overlays with too few layers
  UniqueFd mount_points_;              // after AddMountPoints
  std::unique_ptr<Trash> trash_;
  StagingLedger ledger_;
  bool same_boot_ = false;  // as that of the process that had the root open before
  std::set<std::string> of_last_boot_;
  mutable UsageSurvey survey_;
  Mutex sync_mutex_;  // one syncfs at a time, so that the call that gets an error also handles it
};

}  // namespace davit::snapshotter
