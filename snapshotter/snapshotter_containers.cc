// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ranges>
#include <tuple>

#include "base/directory.h"
#include "base/file_io.h"
#include "base/idmapped_mount.h"
#include "snapshotter/names.h"
#include "snapshotter/snapshotter.h"

namespace davit::snapshotter {
namespace {

// The root directory of an overlay is the upper one: its mode and owner have to come from the image.
Result<> MakeUpper(int container_fd, const struct stat& root) {
  TRY(MakeDirectory(container_fd, "upper", root.st_mode & 07777));
  if (root.st_uid == geteuid() && root.st_gid == getegid()) return {};
  if (fchownat(container_fd, "upper", root.st_uid, root.st_gid, AT_SYMLINK_NOFOLLOW) < 0) {
    return SystemError("chown", "upper");
  }
  return {};
}

// Replaces each lower directory by the same one on an idmapped mount.
Result<> IdmapLowers(OverlayDirs& dirs, int user_namespace) {
  for (UniqueFd& lower : dirs.lowers) {
    UniqueFd mount(open_tree(lower.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
    if (!mount) return SystemError("open_tree", "layer");
    TRY(IdmapMount(mount.get(), user_namespace, "layer"));
    lower = TRY(OpenDirectory(mount.get(), "."));
    dirs.mounts.push_back(std::move(mount));
  }
  return {};
}

// The writable directories are no idmapped mounts, which overlayfs refuses: they hold the host's ids for what
// the topmost layer shows now.
Result<> TakeOwnerOf(const UniqueFd& lower, const UniqueFd& directory) {
  struct stat st{};
  if (fstat(lower.get(), &st) < 0) return SystemError("stat", "topmost layer");
  if (fchown(directory.get(), st.st_uid, st.st_gid) < 0) return SystemError("chown", "writable layer");
  return {};
}

}  // namespace

Result<> Snapshotter::AddMountPoints(const std::vector<std::string>& directories,
                                     const std::vector<std::string>& files) {
  if (!support_.lower_by_path) return {};
  UniqueFd layer = TRY(OpenPrivateDirectory(root_fd_.get(), "mount-points"));
  for (const std::string& path : directories) {
    Result<> made = MakeDirectory(layer.get(), path, 0755);
    if (!made && made.error().os_errno != EEXIST) return made;
  }
  for (const std::string& path : files) {
    UniqueFd file = TRY(OpenAt(layer.get(), path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
    if (fchmod(file.get(), 0644) < 0) return SystemError("chmod", path);
  }
  mount_points_ = std::move(layer);
  return {};
}

Result<> Snapshotter::Prepare(const std::string& container_id, const std::vector<std::string>& chain_ids,
                              LayerLife life) {
  TRY(CheckContainerId(container_id));
  if (life == LayerLife::kDurable) return PrepareWhole(durable_.get(), container_id, chain_ids);
  if (life == LayerLife::kOneBoot) return PrepareWhole(containers_.get(), container_id, chain_ids);
  if (mkdirat(containers_.get(), container_id.c_str(), 0700) < 0) return SystemError("mkdir", container_id);
  UniqueFd container = TRY(OpenDirectory(containers_.get(), container_id));
  Result<> filled = FillContainer(container.get(), chain_ids);
  // What cannot be moved now is found by the next Collect.
  if (!filled) std::ignore = Discard(containers_.get(), container_id);
  return filled;
}

// Under another name until it is complete: what a crash leaves of it is found by the next try, or by Collect.
Result<> Snapshotter::PrepareWhole(int dir_fd, const std::string& container_id,
                                   const std::vector<std::string>& chain_ids) {
  if (faccessat(dir_fd, container_id.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    return SystemError("make writable layer", container_id, EEXIST);
  std::string unfinished = container_id + kUnfinished;
  TRY(Discard(dir_fd, unfinished));
  TRY(MakeDirectory(dir_fd, unfinished, 0700));
  UniqueFd container = TRY(OpenDirectory(dir_fd, unfinished));
  Result<> made = FillContainer(container.get(), chain_ids);
  if (made && renameat2(dir_fd, unfinished.c_str(), dir_fd, container_id.c_str(), RENAME_NOREPLACE) < 0)
    made = SystemError("make writable layer", container_id);
  if (!made) std::ignore = Discard(dir_fd, unfinished);
  return made;
}

// The life of a layer is where it lies. Those of pods are found first.
Result<Snapshotter::WritableLayer> Snapshotter::OpenWritable(const std::string& container_id) const {
  TRY(CheckContainerId(container_id));
  LayerLife life = LayerLife::kOneRun;
  Result<UniqueFd> directory = OpenDirectory(containers_.get(), container_id);
  if (!directory && directory.error().os_errno == ENOENT) {
    life = LayerLife::kDurable;
    directory = OpenDirectory(durable_.get(), container_id);
  }
  if (!directory && directory.error().os_errno == ENOENT)
    return Fail(Code::kNotFound, "open container", container_id, "it has no writable layer");
  return WritableLayer{TRY(std::move(directory)), life};
}

Result<> Snapshotter::FillContainer(int container_fd, const std::vector<std::string>& chain_ids) {
  struct stat root{};
  root.st_mode = 0755;
  root.st_uid = geteuid();
  root.st_gid = getegid();
  for (const std::string& chain_id : chain_ids) {
    UniqueFd layer = TRY(OpenLayer(chain_id));
    if (&chain_id == &chain_ids.back() && fstat(layer.get(), &root) < 0) return SystemError("stat", chain_id);
  }
  return MakeUpper(container_fd, root);
}

Result<UniqueFd> Snapshotter::Mount(const std::string& container_id,
                                    const std::vector<std::string>& chain_ids, const FileView& view) {
  WritableLayer layer = TRY(OpenWritable(container_id));
  OverlayDirs dirs = TRY(OpenOverlayDirs(layer.directory.get(), chain_ids, view.user_namespace));
  dirs.is_volatile = layer.life != LayerLife::kDurable;
  // Outside of a user namespace a container could change what it is counted for. Without, it is walked over.
  if (quota_ && view.user_namespace >= 0)
    std::ignore = quota_->Assign(container_id, {dirs.upper.get(), dirs.work.get()});
  return MountOverlay(support_, dirs, view.selinux_context);
}

Result<UniqueFd> Snapshotter::MountImage(const std::vector<std::string>& chain_ids, const FileView& view) {
  if (chain_ids.empty()) return Fail(Code::kInvalidArgument, "mount image", "volume", "it has no layers");
  OverlayDirs dirs;
  dirs.lowers = TRY(OpenLowers(chain_ids));
  if (chain_ids.size() == 1) dirs.lowers.push_back(TRY(OpenDirectory(empty_.get(), ".")));
  if (view.user_namespace >= 0) TRY(IdmapLowers(dirs, view.user_namespace));
  return MountOverlay(support_, dirs, view.selinux_context);
}

Result<UniqueFd> Snapshotter::OpenChanges(const std::string& container_id) const {
  return OpenDirectory(TRY(OpenWritable(container_id)).directory.get(), "upper");
}

// Topmost first.
Result<std::vector<UniqueFd>> Snapshotter::OpenLowers(const std::vector<std::string>& chain_ids) const {
  std::vector<UniqueFd> lowers;
  for (const std::string& chain_id : chain_ids | std::views::reverse) {
    // Not O_PATH: fsconfig(2) took no such descriptors before Linux 6.15.
    lowers.push_back(TRY(OpenLayerAs(O_RDONLY, chain_id)));
  }
  return lowers;
}

Result<OverlayDirs> Snapshotter::OpenOverlayDirs(int container_fd, const std::vector<std::string>& chain_ids,
                                                 int user_namespace) {
  OverlayDirs dirs;
  dirs.lowers = TRY(OpenLowers(chain_ids));
  if (mount_points_ && chain_ids.size() < kMaxOverlayLayers)
    dirs.lowers.push_back(TRY(OpenDirectory(mount_points_.get(), ".")));
  if (dirs.lowers.empty()) dirs.lowers.push_back(TRY(OpenDirectory(empty_.get(), ".")));
  dirs.upper = TRY(OpenDirectory(container_fd, "upper"));
  dirs.work = TRY(FreshWorkDirectory(container_fd));
  if (user_namespace < 0) return dirs;
  TRY(IdmapLowers(dirs, user_namespace));
  TRY(TakeOwnerOf(dirs.lowers.front(), dirs.upper));
  TRY(TakeOwnerOf(dirs.lowers.front(), dirs.work));
  return dirs;
}

// A volatile overlay leaves a mark in its work directory that makes a second mount fail. The mark is there
// for those who would trust the files in it: who has them mounted again trusts those of this boot only, or
// has a durable layer, which leaves no mark.
Result<UniqueFd> Snapshotter::FreshWorkDirectory(int container_fd) {
  if (mkdirat(container_fd, "work", 0700) < 0) {
    if (errno != EEXIST) return SystemError("mkdir", "work");
    TRY(Discard(container_fd, "work"));
    TRY(MakeDirectory(container_fd, "work", 0700));
  }
  return OpenDirectory(container_fd, "work");
}

Result<> Snapshotter::MountAt(const std::string& container_id, const std::vector<std::string>& chain_ids,
                              const std::string& path) {
  if (!path.starts_with('/')) return Fail(Code::kInvalidArgument, "mount", path, "not an absolute path");
  UniqueFd mount = TRY(Mount(container_id, chain_ids));
  if (move_mount(mount.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    return SystemError("attach container " + container_id, path);
  }
  return {};
}

Result<DiskUsage> Snapshotter::ContainerUsage(const std::string& container_id) const {
  return MeasureContainer(container_id, /*stop=*/nullptr);
}

Result<DiskUsage> Snapshotter::MeasureContainer(const std::string& container_id,
                                                const std::atomic<bool>* stop) const {
  WritableLayer layer = TRY(OpenWritable(container_id));
  UniqueFd upper = TRY(OpenDirectory(layer.directory.get(), "upper"));
  if (quota_) {
    if (std::optional<DiskUsage> counted = quota_->UsageOf(upper.get())) return *counted;
  }
  return MeasureTree(std::move(upper), container_id, stop);
}

std::optional<UsageReading> Snapshotter::RecentContainerUsage(const std::string& container_id,
                                                              int64_t deadline_ms) const {
  return survey_.Get(container_id, deadline_ms);
}

Result<> Snapshotter::RemoveContainer(const std::string& container_id) {
  TRY(CheckContainerId(container_id));
  Result<> taken = trash_->Take(containers_.get(), container_id);
  bool absent = !taken && taken.error().os_errno == ENOENT;
  TRY(absent ? Discard(durable_.get(), container_id) : taken);
  survey_.Forget(container_id);
  return {};
}

}  // namespace davit::snapshotter
