// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/relabel.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "base/file_io.h"
#include "base/open_beneath.h"
#include "base/path_components.h"
#include "base/selinux_attribute.h"
#include "base/tree_walk.h"
#include "base/unique_fd.h"
#include "shim/init/own_process.h"

namespace davit::shim {
namespace {

bool IsDirectory(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

// Moved away or replaced while the walk came to it, or the place of another mount.
bool MayBePassedOver(int os_errno) {
  return os_errno == ENOENT || os_errno == ENOTDIR || os_errno == ELOOP || os_errno == EXDEV;
}

bool CannotBeLabelled(int os_errno) {
  return os_errno == ENOTSUP || os_errno == EROFS;
}

// The attributes of descriptors that have only a path, before setxattrat(2) came with Linux 6.13: by the
// links to them in procfs, which the caller is in.
class Labeller {
 public:
  Labeller(const std::string& context, std::string descriptors)
      : context_(context), descriptors_(std::move(descriptors)) {}

  Result<> Label(int fd, const std::string& name) const {
    std::string link = LinkTo(fd);
    char now[256];
    ssize_t size = getxattr(link.c_str(), kSeLinuxAttribute, now, sizeof now);
    if (size > 0 && std::string_view(now, strnlen(now, static_cast<size_t>(size))) == context_) return {};
    if (setxattr(link.c_str(), kSeLinuxAttribute, context_.c_str(), context_.size() + 1, 0) == 0) return {};
    return SystemError("relabel as " + context_, name);
  }

  Result<std::string> PathOf(int fd) const {
    char path[PATH_MAX];
    ssize_t size = readlink(LinkTo(fd).c_str(), path, sizeof path);
    if (size < 0) return SystemError("readlink", LinkTo(fd));
    return std::string(path, static_cast<size_t>(size));
  }

 private:
  std::string LinkTo(int fd) const { return descriptors_ + std::to_string(fd); }

  const std::string& context_;
  const std::string descriptors_;  // the directory, with a slash at the end
};

class LabellingVisitor : public TreeVisitor {
 public:
  explicit LabellingVisitor(const Labeller& labeller) : labeller_(labeller) {}

  WalkStep Visit(int dir_fd, const std::string& name, unsigned char) override {
    Result<UniqueFd> entry = OpenBeneath(dir_fd, name, Resolve::kStrict, O_PATH | O_NOFOLLOW);
    if (!entry) return Note(entry.error());
    Result<> labelled = labeller_.Label(entry->get(), name);
    if (!labelled) return Note(labelled.error());
    return IsDirectory(entry->get()) ? WalkStep::kDescend : WalkStep::kNext;
  }
  void Leave(int, const std::string&) override {}
  void Failed(const Error& error) override { (void)Note(error); }

  Result<> Outcome() const { return failure_ ? std::unexpected(*failure_) : Result<>(); }

 private:
  WalkStep Note(const Error& error) {
    if (MayBePassedOver(error.os_errno)) return WalkStep::kNext;
    if (!failure_) failure_ = error;
    return WalkStep::kStop;
  }

  const Labeller& labeller_;
  std::optional<Error> failure_;
};

Result<> RelabelTree(int source_fd, const Labeller& labeller, const std::string& path) {
  TRY(labeller.Label(source_fd, path));
  if (!IsDirectory(source_fd)) return {};
  LabellingVisitor visitor(labeller);
  WalkTree(TRY(OpenAt(source_fd, ".", O_RDONLY | O_DIRECTORY)), visitor);
  return visitor.Outcome();
}

Result<> RelabelFromProcfs(int source_fd, const Labeller& labeller, const std::string& within) {
  std::string path = TRY(labeller.PathOf(source_fd));
  if (!LiesBelow(path, within))
    return Fail(Code::kPermissionDenied, "relabel", path, "it is not below " + within);
  Result<> relabelled = RelabelTree(source_fd, labeller, path);
  if (!relabelled && CannotBeLabelled(relabelled.error().os_errno)) return {};
  return relabelled;
}

}  // namespace

Result<> Relabel(int source_fd, const std::string& context, const std::string& within, int proc_fd) {
  Labeller labeller(context, TRY(OwnProcName(proc_fd)) + "/fd/");
  if (fchdir(proc_fd) < 0) return SystemError("fchdir", "procfs");
  Result<> relabelled = RelabelFromProcfs(source_fd, labeller, within);
  if (chdir("/") < 0) return SystemError("chdir", "/");
  return relabelled;
}

}  // namespace davit::shim
