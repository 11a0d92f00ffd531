// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/executable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace davit::shim {
namespace {

// 0 or the errno that says why not. Looked at rather than tried: each try would be an execve.
int WhyNotExecutable(const std::string& file) {
  struct stat st;
  if (stat(file.c_str(), &st) < 0) return errno;
  if (!S_ISREG(st.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, file.c_str(), X_OK, AT_EACCESS) < 0 ? errno : 0;
}

}  // namespace

const char* FindVariable(const std::vector<std::string>& env, std::string_view name) {
  for (auto entry = env.rbegin(); entry != env.rend(); ++entry) {
    if (entry->starts_with(name) && entry->size() > name.size() && (*entry)[name.size()] == '=') {
      return entry->c_str() + name.size() + 1;
    }
  }
  return nullptr;
}

Result<std::string> FindExecutable(const std::string& name, std::string_view path) {
  if (name.empty()) return SystemError("exec", "\"\"", ENOENT);
  if (name.find('/') != std::string::npos) return name;
  int reason = ENOENT;
  for (size_t pos = 0; pos <= path.size();) {
    size_t end = std::min(path.find(':', pos), path.size());
    std::string directory(end == pos ? "." : path.substr(pos, end - pos));
    std::string file = directory + "/" + name;
    int why = WhyNotExecutable(file);
    if (why == 0) return file;
    if (why == EACCES) reason = EACCES;
    pos = end + 1;
  }
  auto failure = SystemError("exec", name, reason);
  failure.error().context = "not found in PATH";
  return failure;
}

}  // namespace davit::shim
