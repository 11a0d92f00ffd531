// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init_cgroup.h"

#include <fcntl.h>
#include <limits.h>

#include "base/file_io.h"
#include "base/open_beneath.h"

namespace davit::shim {
namespace {

// In cgroup v2, from the root of the hierarchy (cgroups(7)).
Result<std::string> PathOf(int proc_fd, pid_t pid) {
  std::string text = TRY(ReadFileAt(proc_fd, std::to_string(pid) + "/cgroup"));
  size_t at = text.starts_with("0::") ? 0 : text.find("\n0::") + 1;
  if (at == 0 && !text.starts_with("0::"))
    return Fail(Code::kNotFound, "find v2 cgroup", std::to_string(pid));
  at += 3;
  return text.substr(at, text.find('\n', at) - at);
}

// Where the hierarchy is mounted is not known here: only how the container's path ends.
Result<std::string> MountedPath(int proc_fd, int directory) {
  char path[PATH_MAX];
  ssize_t length = readlinkat(proc_fd, ("self/fd/" + std::to_string(directory)).c_str(), path, sizeof path);
  if (length < 0) return SystemError("readlink", "cgroup directory");
  return std::string(path, static_cast<size_t>(length));
}

// `path` without its longest beginning that `mounted` ends with; "." when nothing is left.
std::string RelativeTo(const std::string& mounted, const std::string& path) {
  for (size_t end = path.size(); end != 0 && end != std::string::npos; end = path.rfind('/', end - 1)) {
    if (!mounted.ends_with(path.substr(0, end))) continue;
    return end == path.size() ? "." : path.substr(end + 1);
  }
  return path.substr(path.starts_with('/') ? 1 : 0);
}

}  // namespace

bool IsDivided(const Error& error) {
  return error.os_errno == EBUSY || error.os_errno == EOPNOTSUPP;
}

Result<UniqueFd> OpenInitCgroup(int proc_fd, pid_t init, int container) {
  std::string relative = RelativeTo(TRY(MountedPath(proc_fd, container)), TRY(PathOf(proc_fd, init)));
  return OpenBeneath(container, relative, Resolve::kStrict, O_PATH | O_DIRECTORY);
}

}  // namespace davit::shim
