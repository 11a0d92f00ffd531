// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_tail.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <utility>

namespace davit::cli {
namespace {

constexpr size_t kReadBytes = 64 << 10;
// Runtimes cut lines at 16 KiB. A file with longer ones is something else.
constexpr size_t kMaxLineBytes = 1 << 20;

}  // namespace

Result<LogTail> LogTail::Watch(const std::string& path) {
  auto chain = TRY(LogChain::Open(path));
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return SystemError("inotify_init1", path);
  const std::string directory = "/proc/self/fd/" + std::to_string(chain->directory());
  if (inotify_add_watch(inotify.get(), directory.c_str(),
                        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
    return SystemError("inotify_add_watch", path);
  }
  std::string name = std::filesystem::path(path).filename().string();
  return LogTail(path, std::move(name), std::move(chain), std::move(inotify));
}

// Files that come meanwhile are left to the next call.
Result<> LogTail::Drain(const Sink& sink) {
  TRY(chain_->Extend());
  for (size_t left = chain_->size(); left > 0; --left) {
    bool complete = TRY(chain_->IsFirstComplete());  // before it is read
    if (int file = chain_->first(); file >= 0) TRY(ReadToEnd(file, sink));
    if (!complete) return {};
    pending_.clear();
    TRY(chain_->LeaveFirst());
  }
  return {};
}

Result<> LogTail::ReadToEnd(int file, const Sink& sink) {
  for (;;) {
    size_t before = pending_.size();
    pending_.resize(before + kReadBytes);
    ssize_t count = read(file, pending_.data() + before, kReadBytes);
    int err = errno;
    pending_.resize(before + static_cast<size_t>(count > 0 ? count : 0));
    if (count < 0 && err == EINTR) continue;
    if (count < 0) return SystemError("read", path_, err);
    if (count == 0) return {};
    TRY(EmitLines(sink));
  }
}

Result<> LogTail::EmitLines(const Sink& sink) {
  std::string_view rest = pending_;
  for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    TRY(sink(rest.substr(0, end)));
    rest.remove_prefix(end + 1);
  }
  if (rest.size() > kMaxLineBytes)
    return Fail(Code::kInvalidArgument, "read", path_, "not a container's log");
  pending_.erase(0, pending_.size() - rest.size());
  return {};
}

Result<bool> LogTail::TakeEvents() {
  alignas(inotify_event) char buffer[16 << 10];
  bool closed = false;
  for (;;) {
    ssize_t count = read(inotify_.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return closed;
    if (count < 0) return SystemError("read", "inotify");
    for (ssize_t offset = 0; offset < count;) {
      inotify_event event;
      std::memcpy(&event, buffer + offset, sizeof event);
      const char* name = buffer + offset + sizeof event;
      closed = closed || ((event.mask & IN_CLOSE_WRITE) != 0 && event.len > 0 && name_ == name);
      offset += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace davit::cli
