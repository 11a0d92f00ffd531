// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file_io.h"
#include "base/open_beneath.h"

namespace davit::cri {
namespace {

// A pod that mounts the log directory can put anything there; a FIFO would hold whoever opens it.
Result<UniqueFd> OpenLogFile(int dir_fd, const std::string& name) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY;
  UniqueFd file = TRY(OpenBeneath(dir_fd, name, Resolve::kStrict, kFlags, 0640));
  struct stat st;
  if (fstat(file.get(), &st) < 0) return SystemError("fstat", name);
  if (!S_ISREG(st.st_mode)) return Fail(Code::kInvalidArgument, "open log", name, "not a regular file");
  // The same file without having it open: one that has a file of FUSE or NFS open waits for its server to
  // close it.
  return OpenAt(AT_FDCWD, "/proc/self/fd/" + std::to_string(file.get()), O_PATH);
}

}  // namespace

Result<std::string> ResolveLogPath(const std::string& log_directory, const std::string& log_path) {
  if (log_directory.empty() || log_path.empty()) return std::string();
  std::filesystem::path relative(log_path);
  bool leaves = relative.is_absolute();
  for (const auto& part : relative) leaves = leaves || part == "..";
  if (leaves || relative.filename().empty()) {
    return Fail(Code::kInvalidArgument, "validate", "log_path",
                "\"" + log_path + "\" must name a file below log_directory");
  }
  return (std::filesystem::path(log_directory) / relative).lexically_normal().string();
}

Result<UniqueFd> OpenLog(const std::string& log_directory, const std::string& log_path) {
  TRY(ResolveLogPath(log_directory, log_path));
  std::error_code made;
  std::filesystem::create_directories(log_directory, made);
  if (made) return SystemError("mkdir", log_directory, made.value());
  UniqueFd dir = TRY(OpenAt(AT_FDCWD, log_directory, O_PATH | O_DIRECTORY));

  std::filesystem::path relative(log_path);
  for (const auto& part : relative.parent_path()) {
    if (mkdirat(dir.get(), part.c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", log_path);
    dir = TRY(OpenBeneath(dir.get(), part, Resolve::kStrict, O_PATH | O_DIRECTORY));
  }
  return OpenLogFile(dir.get(), relative.filename());
}

}  // namespace davit::cri
