// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/source_check.h"

#include <sys/stat.h>

#include <cerrno>
#include <future>
#include <system_error>
#include <thread>

#include "base/guarded.h"

namespace davit::local {
namespace {

Result<> LookAt(const std::vector<std::string>& paths, const SourceCheck::Look& look) {
  for (const std::string& path : paths) {
    if (look(path) != ENOENT) continue;
    return Fail(Code::kInvalidArgument, "mount", path, "the source of the bind mount does not exist");
  }
  return {};
}

}  // namespace

int SourceCheck::LookAtHost(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 ? 0 : errno;
}

Result<> SourceCheck::Check(const std::vector<std::string>& paths) const {
  if (paths.empty()) return {};
  if (looking_->fetch_add(1) >= kMost) {
    --*looking_;
    return {};
  }
  std::promise<Result<>> answer;
  std::future<Result<>> answered = answer.get_future();
  try {
    std::thread([paths, look = look_, looking = looking_, answer = std::move(answer)]() mutable {
      Result<> found = Guarded("look at", "mounts", [&] { return LookAt(paths, look); });
      --*looking;
      answer.set_value(std::move(found));
    }).detach();
  } catch (const std::system_error&) {  // no thread
    --*looking_;
    return {};
  }
  if (answered.wait_for(patience_) != std::future_status::ready) return {};
  return answered.get();
}

}  // namespace davit::local
