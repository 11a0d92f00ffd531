// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What concerns layers and containers alike; snapshotter_layers.cc and snapshotter_containers.cc have the
// rest.
#include "snapshotter/snapshotter.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>

#include "base/atomic_file.h"
#include "base/directory.h"
#include "base/duplicate.h"
#include "base/file_io.h"
#include "base/file_time.h"
#include "base/time.h"
#include "snapshotter/names.h"

namespace davit::snapshotter {
namespace {

// How long the usage of containers that nobody asked about before may take altogether.
constexpr int64_t kInfoPatienceMs = 500;
constexpr char kBoot[] = "boot";
constexpr char kChecked[] = "checked";

// What was removed since the directory was listed, or is none of ours, takes nothing.
Result<DiskUsage> UsageIfAny(Result<DiskUsage> usage) {
  if (usage) return usage;
  bool absent = usage.error().code == Code::kNotFound || usage.error().code == Code::kInvalidArgument;
  if (absent) return DiskUsage{};
  return usage;
}

// ext4 and its kin put directories near their parent, which serves a tree; writable layers have nothing to do
// with each other. Without a journal, ext4 also leaves inodes unused for minutes after their deletion, and
// looks past all of them each time it makes one: in a single block group, a churn of containers makes that
// milliseconds. FS_TOPDIR_FL is the hint for such directories (chattr(1), "T"); filesystems without it do
// without.
void SpreadChildren(int dir_fd) {
  int flags = 0;
  if (ioctl(dir_fd, FS_IOC_GETFLAGS, &flags) < 0) return;
  flags |= FS_TOPDIR_FL;
  static_cast<void>(ioctl(dir_fd, FS_IOC_SETFLAGS, &flags));
}

// Identifies the host's boot (proc_sys_kernel(5)).
Result<std::string> BootId() {
  return ReadFile("/proc/sys/kernel/random/boot_id");
}

}  // namespace

Snapshotter::Snapshotter(std::string root, UniqueFd root_fd, const OverlaySupport& support)
    : root_(std::move(root)),
      root_fd_(std::move(root_fd)),
      support_(support),
      survey_([this](const std::string& id, const std::atomic<bool>& stop) {
        return MeasureContainer(id, &stop);
      }) {}

Result<std::unique_ptr<Snapshotter>> Snapshotter::Open(const std::string& root) {
  UniqueFd fd = TRY(OpenPrivateDirectory(AT_FDCWD, root));
  return Open(root, TRY(ProbeOverlay(fd.get())));
}

Result<std::unique_ptr<Snapshotter>> Snapshotter::Open(const std::string& root,
                                                       const OverlaySupport& support) {
  UniqueFd fd = TRY(OpenPrivateDirectory(AT_FDCWD, root));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return SystemError("flock", root);
    return Fail(Code::kFailedPrecondition, "open snapshotter", root, "another process has it open");
  }
  std::unique_ptr<Snapshotter> snapshotter(new Snapshotter(root, std::move(fd), support));
  TRY(snapshotter->OpenDirectories());
  return snapshotter;
}

Result<> Snapshotter::OpenDirectories() {
  layers_ = TRY(OpenPrivateDirectory(root_fd_.get(), "layers"));
  staging_ = TRY(OpenPrivateDirectory(root_fd_.get(), "staging"));
  replaced_ = TRY(OpenPrivateDirectory(root_fd_.get(), "replaced"));
  containers_ = TRY(OpenPrivateDirectory(root_fd_.get(), "containers"));
  quota_ = ProjectQuota::Detect(containers_.get());
  SpreadChildren(containers_.get());
  // Not among the others: a release that does not know these layers removes those whose containers it does
  // not know.
  durable_ = TRY(OpenPrivateDirectory(root_fd_.get(), "durable"));
  SpreadChildren(durable_.get());
  empty_ = TRY(OpenPrivateDirectory(root_fd_.get(), "empty"));
  auto trash = std::make_shared<const UniqueFd>(TRY(OpenPrivateDirectory(root_fd_.get(), "trash")));
  trash_ = std::make_unique<Trash>([trash] { return Duplicate(trash->get(), "trash"); });
  trash_->Resume();
  return CompareBoots();
}

// The time of the file is that of the first start in the last boot whose check has ended. Layers of this boot
// are among the later ones if an earlier process did not end the check.
Result<> Snapshotter::CompareBoots() {
  std::string boot = TRY(BootId());
  same_boot_ = ReadFileAt(root_fd_.get(), kBoot).value_or("") == boot;
  if (ReadFileAt(root_fd_.get(), kChecked).value_or("") == boot) return {};
  struct stat status;
  bool noted = fstatat(root_fd_.get(), kChecked, &status, AT_SYMLINK_NOFOLLOW) == 0;
  int64_t noted_ns = noted ? ToNanoseconds(status.st_mtim) : 0;
  for (const CommittedLayer& layer : TRY(ListLayers()))
    if (layer.committed_ns >= noted_ns) of_last_boot_.insert(layer.chain_id);
  return {};
}

Result<> Snapshotter::Collect(const std::set<std::string>& live_layers,
                              const std::set<std::string>& live_containers) {
  std::set<std::string> live_layer_names;
  for (const std::string& chain_id : live_layers) live_layer_names.insert(TRY(LayerName(chain_id)));
  Result<> staging = CollectIn(staging_.get(), {});
  Result<> layers = CollectIn(layers_.get(), live_layer_names);
  Result<> containers = CollectIn(containers_.get(), live_containers);
  Result<> durable = CollectUnfinished(durable_.get());
  Result<> replaced = same_boot_ ? Result<>() : CollectIn(replaced_.get(), {});
  TRY(staging);
  TRY(layers);
  TRY(containers);
  TRY(durable);
  TRY(replaced);
  return NoteBoot();
}

// What an earlier boot may have left damaged is gone now. A full disk is no reason to stop.
Result<> Snapshotter::NoteBoot() {
  std::string boot = TRY(BootId());
  if (!same_boot_)
    std::ignore = WriteFileAtomically(root_fd_.get(), kBoot, boot, 0600, Durability::kVolatile);
  return {};
}

// A link has the content and the time of the first start in this boot; the next boot replaces `boot` by
// another file. Without it, which a crash in between can cause, the next start checks all layers.
Result<> Snapshotter::NoteChecked() {
  of_last_boot_.clear();
  if (ReadFileAt(root_fd_.get(), kChecked).value_or("") == TRY(BootId())) return {};
  if (unlinkat(root_fd_.get(), kChecked, 0) < 0 && errno != ENOENT) return SystemError("unlink", kChecked);
  if (linkat(root_fd_.get(), kBoot, root_fd_.get(), kChecked, 0) < 0) return SystemError("link", kChecked);
  return {};
}

// Goes on past what fails and returns the first error.
Result<> Snapshotter::CollectIn(int dir_fd, const std::set<std::string>& live_names) {
  Result<> collected;
  for (const std::string& name : TRY(ListDirectory(dir_fd))) {
    if (live_names.contains(name)) continue;
    Result<> discarded = Discard(dir_fd, name);
    if (!discarded && collected) collected = discarded;
  }
  return collected;
}

Result<> Snapshotter::CollectUnfinished(int dir_fd) {
  Result<> collected;
  for (const std::string& name : TRY(ListDirectory(dir_fd))) {
    if (!name.ends_with(kUnfinished)) continue;
    Result<> discarded = Discard(dir_fd, name);
    if (!discarded && collected) collected = discarded;
  }
  return collected;
}

Result<std::vector<std::string>> Snapshotter::DurableLayers() const {
  std::vector<std::string> names = TRY(ListDirectory(durable_.get()));
  std::erase_if(names, [](const std::string& name) { return name.ends_with(kUnfinished); });
  return names;
}

Result<> Snapshotter::Discard(int dir_fd, const std::string& name) {
  Result<> taken = trash_->Take(dir_fd, name);
  if (!taken && taken.error().os_errno == ENOENT) return {};
  return taken;
}

Result<> Snapshotter::Sync() {
  MutexLock lock(sync_mutex_);
  std::set<std::string> covered = ledger_.Unsynced();
  if (syncfs(root_fd_.get()) == 0) {
    ledger_.Synced(covered);
    return {};
  }
  auto error = SystemError("syncfs", root_);
  // The kernel tells of a lost write once. Forgetting these layers now is what keeps a retried pull, whose
  // own sync may well succeed, from building on them.
  for (const std::string& chain_id : ledger_.SyncFailed()) std::ignore = RemoveLayer(chain_id);
  return error;
}

Result<> Snapshotter::SyncLayers(const std::vector<std::string>& chain_ids) {
  std::set<std::string> unsynced = ledger_.Unsynced();
  bool durable = std::ranges::none_of(
      chain_ids, [&unsynced](const std::string& chain_id) { return unsynced.contains(chain_id); });
  return durable ? Result<>() : Sync();
}

Result<FsInfo> Snapshotter::Info() const {
  FsInfo info{.mountpoint = root_, .layers = {}, .containers = {}};
  for (const std::string& name : TRY(ListDirectory(layers_.get()))) {
    info.layers += TRY(UsageIfAny(LayerUsage("sha256:" + name)));
  }
  int64_t deadline = MonotonicMilliseconds() + kInfoPatienceMs;
  for (const UniqueFd* directory : {&containers_, &durable_}) {
    for (const std::string& id : TRY(ListDirectory(directory->get()))) {
      if (auto reading = survey_.Get(id, deadline)) info.containers += reading->usage;
    }
  }
  return info;
}

void Snapshotter::WaitForDeletions() {
  trash_->WaitIdle();
}

std::vector<Error> Snapshotter::DeletionProblems() const {
  return trash_->Problems();
}

}  // namespace davit::snapshotter
