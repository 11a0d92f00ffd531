// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/rootfs/enter.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "base/path_components.h"
#include "base/unique_fd.h"
#include "images/unpack/confine.h"
#include "images/unpack/syscall_filter.h"

namespace davit::local {
namespace {

constexpr uint64_t Bit(int capability) {
  return 1ULL << capability;
}
constexpr uint64_t kForReading = Bit(CAP_DAC_READ_SEARCH);
constexpr uint64_t kForWriting = Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FOWNER) | Bit(CAP_FSETID) |
                                 Bit(CAP_MKNOD) | Bit(CAP_SETFCAP);
// Overlayfs keeps its marks in trusted.*, which nobody else can read. The filter allows no call with which
// this capability would be good for anything else.
constexpr uint64_t kForLayers = kForReading | Bit(CAP_SYS_ADMIN);

// Two for each directory on a path of images::UnpackLimits::path_depth, and the rest.
constexpr uint64_t kOpenFiles = 1100;

constexpr int kMoreCalls[] = {SCMP_SYS(pread64), SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr)};

bool Writes(RootfsVerb verb) {
  return verb == RootfsVerb::kExtract;
}

uint64_t CapabilitiesFor(RootfsVerb verb) {
  if (Writes(verb)) return kForWriting;
  bool reads_layers = verb == RootfsVerb::kListChanges || verb == RootfsVerb::kPackChanges;
  return reads_layers ? kForLayers : kForReading;
}

Result<UniqueFd> OpenTree(int dir_fd, const std::string& path, unsigned flags) {
  UniqueFd tree(static_cast<int>(
      syscall(SYS_open_tree, dir_fd, path.c_str(), flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return SystemError("open_tree", path);
  return tree;
}

// setns(2) to a mount namespace moves root and working directory to its root, whatever the processes there
// have made of theirs.
Result<UniqueFd> TreeOfProcess(bool with_mounts) {
  UniqueFd own = TRY(OpenAt(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY));
  if (setns(kRootfsTreeFd, CLONE_NEWNS) < 0) {
    int err = errno;
    if (err == ESRCH) return Fail(Code::kFailedPrecondition, "enter", "container", "it has just ended");
    return SystemError("setns", "container", err);
  }
  UniqueFd tree = TRY(OpenTree(AT_FDCWD, "/", with_mounts ? AT_RECURSIVE : 0U));
  if (setns(own.get(), CLONE_NEWNS) < 0) return SystemError("setns", "own mount namespace");
  return tree;
}

Result<UniqueFd> TreeOf(RootfsTree tree) {
  switch (tree) {
    case RootfsTree::kProcess:
      return TreeOfProcess(/*with_mounts=*/true);
    case RootfsTree::kProcessRoot:
      return TreeOfProcess(/*with_mounts=*/false);
    case RootfsTree::kDirectory:
      return images::CloneTree(kRootfsTreeFd);
    default:
      return UniqueFd(kRootfsTreeFd);
  }
}

struct OpenedMount {
  UniqueFd tree;
  const RootfsMount* request;
};

// What the container would not be started without is not there to be copied either.
Result<std::vector<OpenedMount>> OpenSources(const RootfsRequest& request) {
  std::vector<OpenedMount> sources;
  for (const RootfsMount& mount : request.mounts)
    sources.push_back({TRY(OpenTree(AT_FDCWD, mount.source, AT_RECURSIVE)), &mount});
  return sources;
}

Result<> SetAttributes(int tree_fd, uint64_t attributes, const std::string& what) {
  mount_attr wanted{};
  wanted.attr_set = attributes | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  wanted.propagation = MS_PRIVATE;
  if (syscall(SYS_mount_setattr, tree_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted) < 0)
    return SystemError("mount_setattr", what);
  return {};
}

bool IsDirectory(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

// As a start of the container makes it, in the layer of the container.
Result<UniqueFd> MakeTarget(int root_fd, const RootfsMount& mount, bool is_directory) {
  std::string path;
  std::vector<std::string_view> components = PathComponents(mount.target);
  std::vector<std::string> names(components.begin(), components.end());
  for (size_t i = 0; i < names.size(); ++i) {
    UniqueFd parent =
        TRY(OpenBeneath(root_fd, path.empty() ? "." : path, Resolve::kInRoot, O_PATH | O_DIRECTORY));
    bool is_file = i + 1 == names.size() && !is_directory;
    int made = is_file ? mknodat(parent.get(), names[i].c_str(), S_IFREG | 0644, 0)
                       : mkdirat(parent.get(), names[i].c_str(), 0755);
    if (made < 0 && errno != EEXIST) return SystemError("make mount point", mount.target);
    path += (path.empty() ? "" : "/") + names[i];
  }
  return OpenBeneath(root_fd, mount.target, Resolve::kInRoot, O_PATH);
}

Result<> Attach(int root_fd, const OpenedMount& mount, bool writes) {
  const RootfsMount& wanted = *mount.request;
  TRY(SetAttributes(mount.tree.get(), wanted.read_only || !writes ? MOUNT_ATTR_RDONLY : 0, wanted.source));
  Result<UniqueFd> target = OpenBeneath(root_fd, wanted.target, Resolve::kInRoot, O_PATH);
  if (!target && target.error().os_errno == ENOENT) {
    target = MakeTarget(root_fd, wanted, IsDirectory(mount.tree.get()));
    if (!target && !writes) return {};  // as on a full disk: all other files can be read
  }
  UniqueFd place = TRY(std::move(target));
  if (syscall(SYS_move_mount, mount.tree.get(), "", place.get(), "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    return SystemError("move_mount", wanted.target);
  return {};
}

// Only the root mount itself: what is mounted in it has its own word.
Result<> MakeRootReadOnly() {
  mount_attr wanted{};
  wanted.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &wanted, sizeof wanted) < 0)
    return SystemError("mount_setattr", "/");
  return {};
}

Result<> CloseOthers(const RootfsRequest& request) {
  if (close_range(3, kRootfsReportFd - 1, 0) < 0 || close_range(kRootfsTreeFd, kRootfsTreeFd, 0) < 0 ||
      close_range(request.has_base ? kRootfsBaseFd + 1 : kRootfsBaseFd, ~0U, 0) < 0)
    return SystemError("close_range", "inherited descriptors");
  return {};
}

}  // namespace

Result<> EnterRootfs(const RootfsRequest& request) {
  bool writes = Writes(request.verb);
  TRY(images::LimitOwnProcess(kOpenFiles));
  std::vector<OpenedMount> sources = TRY(OpenSources(request));
  {
    UniqueFd tree = TRY(TreeOf(request.tree));
    TRY(images::EnterTree(tree.get(), writes || !sources.empty() ? 0 : MOUNT_ATTR_RDONLY));
  }
  {
    UniqueFd root = TRY(OpenAt(AT_FDCWD, "/", O_PATH | O_DIRECTORY));
    for (const OpenedMount& source : sources) TRY(Attach(root.get(), source, writes));
  }
  if (!writes ? !sources.empty() : request.read_only) TRY(MakeRootReadOnly());
  sources.clear();
  TRY(CloseOthers(request));
  TRY(images::DropCapabilities(CapabilitiesFor(request.verb)));
  return images::LoadSyscallFilter(kMoreCalls);
}

}  // namespace davit::local
