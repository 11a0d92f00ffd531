// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/target.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <vector>

#include "base/open_beneath.h"

namespace davit::shim {
namespace {

constexpr int kMaxSymlinks = 40;  // as the kernel's own limit (path_resolution(7))

// The components of `path`, first one last, in front of `rest`.
void PushComponents(std::string_view path, std::vector<std::string>& rest) {
  size_t end = path.size();
  while (end > 0) {
    size_t slash = path.rfind('/', end - 1);
    size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    std::string_view name = path.substr(begin, end - begin);
    if (!name.empty() && name != ".") rest.emplace_back(name);
    if (begin == 0) return;
    end = begin - 1;
  }
}

Result<std::string> ReadLink(int link_fd, const std::string& path) {
  char buffer[PATH_MAX];
  ssize_t n = readlinkat(link_fd, "", buffer, sizeof buffer);
  if (n < 0) return SystemError("readlink", path);
  return std::string(buffer, static_cast<size_t>(n));
}

Result<> Make(int root_fd, const std::string& parent, const std::string& name, TargetKind kind) {
  std::string path = parent + "/" + name;
  UniqueFd dir =
      TRY(OpenBeneath(root_fd, parent.empty() ? "/" : parent, Resolve::kInRoot, O_PATH | O_DIRECTORY));
  if (kind == TargetKind::kDirectory) {
    if (mkdirat(dir.get(), name.c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", path);
    return {};
  }
  UniqueFd file(openat(dir.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file && errno != EEXIST) return SystemError("create", path);
  return {};
}

bool IsSymlink(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

// Resolves component by component, so that symlinks to what does not exist yet can be followed. `walked`
// holds no symlink; should one be swapped in afterwards, every lookup is still scoped to the root.
class Walk {
 public:
  Walk(int root_fd, const std::string& path, TargetKind kind) : root_fd_(root_fd), kind_(kind) {
    PushComponents(path, rest_);
  }

  Result<UniqueFd> Run() {
    while (!rest_.empty()) {
      std::string name = std::move(rest_.back());
      rest_.pop_back();
      if (name == "..") {
        walked_.resize(walked_.empty() ? 0 : walked_.rfind('/'));
      } else {
        TRY(Enter(name));
      }
    }
    return OpenBeneath(root_fd_, walked_.empty() ? "/" : walked_, Resolve::kInRoot, O_PATH | O_NOFOLLOW);
  }

 private:
  Result<> Enter(const std::string& name) {
    std::string next = walked_ + "/" + name;
    auto entry = OpenBeneath(root_fd_, next, Resolve::kInRoot, O_PATH | O_NOFOLLOW);
    if (!entry && entry.error().os_errno == ENOENT) {
      TRY(Make(root_fd_, walked_, name, rest_.empty() ? kind_ : TargetKind::kDirectory));
      entry = OpenBeneath(root_fd_, next, Resolve::kInRoot, O_PATH | O_NOFOLLOW);
    }
    if (!entry) return std::unexpected(entry.error());
    if (!IsSymlink(entry->get())) {
      walked_ = std::move(next);
      return {};
    }
    if (++symlinks_ > kMaxSymlinks) return SystemError("resolve", next, ELOOP);
    std::string content = TRY(ReadLink(entry->get(), next));
    if (content.starts_with('/')) walked_.clear();
    PushComponents(content, rest_);
    return {};
  }

  int root_fd_;
  TargetKind kind_;
  std::vector<std::string> rest_;  // last one first
  std::string walked_;             // "" is the root
  int symlinks_ = 0;
};

}  // namespace

Result<UniqueFd> OpenTarget(int root_fd, const std::string& path, TargetKind kind) {
  auto found = OpenBeneath(root_fd, path, Resolve::kInRoot, O_PATH);
  if (found || found.error().os_errno != ENOENT) return found;
  return Walk(root_fd, path, kind).Run();
}

Result<UniqueFd> OpenRealDirectory(int root_fd, const std::string& path) {
  std::vector<std::string> rest;
  PushComponents(path, rest);
  UniqueFd current = TRY(OpenBeneath(root_fd, "/", Resolve::kInRoot, O_PATH | O_DIRECTORY));
  while (!rest.empty()) {
    const std::string& name = rest.back();
    if (name == "..") return SystemError("resolve", path, EINVAL);
    if (mkdirat(current.get(), name.c_str(), 0755) < 0 && errno != EEXIST && errno != EROFS) {
      return SystemError("mkdir", path);
    }
    int fd = openat(current.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return SystemError("open real directory", path);
    current.Reset(fd);
    rest.pop_back();
  }
  return current;
}

}  // namespace davit::shim
