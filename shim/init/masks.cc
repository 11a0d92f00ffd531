// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/masks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>

#include "base/open_beneath.h"
#include "shim/init/dev.h"
#include "shim/init/mount_api.h"

namespace davit::shim {
namespace {

constexpr uint64_t kMaskAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

// Nothing when the path does not exist: what is not there needs no mask.
Result<std::optional<UniqueFd>> OpenIfThere(int root_fd, const std::string& path) {
  auto target = OpenBeneath(root_fd, path, Resolve::kInRoot, O_PATH);
  if (target) return std::optional(std::move(*target));
  if (target.error().os_errno == ENOENT || target.error().os_errno == ENOTDIR)
    return std::optional<UniqueFd>();
  return std::unexpected(std::move(target).error());
}

// One empty filesystem for all masked directories of a container, made when the first one needs it.
class EmptyDirectory {
 public:
  explicit EmptyDirectory(const std::string& selinux_context) : selinux_context_(selinux_context) {}

  Result<UniqueFd> Clone() {
    if (!first_) {
      first_ = TRY(NewFilesystem("tmpfs", "size=4k,nr_inodes=2,mode=755", kMaskAttributes | MOUNT_ATTR_NODEV,
                                 selinux_context_));
      return UniqueFd(fcntl(first_.get(), F_DUPFD_CLOEXEC, 0));
    }
    // Only now is it a mount of this namespace, which is what the kernel lets one clone (before 6.15).
    return CloneMount(first_.get(), "", /*recursive=*/false, "mask");
  }

 private:
  const std::string& selinux_context_;
  UniqueFd first_;
};

Result<UniqueFd> CloneNull(int null_fd) {
  UniqueFd mask = TRY(CloneMount(null_fd, "", /*recursive=*/false, "/dev/null"));
  TRY(VerifyDevNull(mask.get()));
  TRY(SetMountAttributes(mask.get(), kMaskAttributes, /*recursive=*/false, "/dev/null"));
  return mask;
}

bool IsDirectory(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

}  // namespace

Result<> MaskPaths(int root_fd, const std::vector<std::string>& paths, int null_fd,
                   const std::string& selinux_context) {
  EmptyDirectory empty(selinux_context);
  for (const std::string& path : paths) {
    std::optional<UniqueFd> target = TRY(OpenIfThere(root_fd, path));
    if (!target) continue;
    UniqueFd mask = TRY(IsDirectory(target->get()) ? empty.Clone() : CloneNull(null_fd));
    auto attached = AttachMount(mask.get(), target->get(), path);
    if (!attached) return std::unexpected(Within("mask path", attached.error()));
  }
  return {};
}

Result<> MakePathsReadOnly(int root_fd, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    std::optional<UniqueFd> target = TRY(OpenIfThere(root_fd, path));
    if (!target) continue;
    UniqueFd bind = TRY(CloneMount(target->get(), "", /*recursive=*/true, path));
    TRY(SetMountAttributes(bind.get(), MOUNT_ATTR_RDONLY, /*recursive=*/true, path));
    TRY(AttachMount(bind.get(), target->get(), path));
  }
  return {};
}

}  // namespace davit::shim
