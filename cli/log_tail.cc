// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_tail.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/file_io.h"

namespace davit::cli {
namespace {

constexpr size_t kReadBytes = 64 << 10;
// Runtimes cut lines at 16 KiB. A file with longer ones is something else.
constexpr size_t kMaxLineBytes = 1 << 20;

Result<bool> AreOneFile(const UniqueFd& a, const UniqueFd& b, const std::string& path) {
  struct stat first{};
  struct stat second{};
  if (fstat(a.get(), &first) < 0 || fstat(b.get(), &second) < 0) return SystemError("fstat", path);
  return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace

Result<LogTail> LogTail::Watch(const std::string& path) {
  std::filesystem::path file(path);
  std::string directory = file.parent_path().string();
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return SystemError("inotify_init1", path);
  if (inotify_add_watch(inotify.get(), directory.c_str(),
                        IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) < 0) {
    return SystemError("inotify_add_watch", directory);
  }
  return LogTail(path, file.filename().string(), std::move(inotify));
}

Result<> LogTail::Drain(const Sink& sink) {
  for (;;) {
    // Looked up before the old file is read: its writer has let go of it by the time that another one has the
    // name.
    UniqueFd successor = TRY(OpenSuccessor());
    if (file_) TRY(ReadToEnd(sink));
    if (!successor) return {};
    if (!file_) TRY(ReadRotated(successor, sink));
    file_ = std::move(successor);
    pending_.clear();
  }
}

// All are opened before one is read. A rotation meanwhile may have given the current one a number.
Result<> LogTail::ReadRotated(const UniqueFd& current, const Sink& sink) {
  std::vector<UniqueFd> rotated;
  for (int number = 1;; ++number) {
    Result<UniqueFd> file = OpenAt(AT_FDCWD, path_ + "." + std::to_string(number), O_RDONLY);
    if (!file && file.error().os_errno == ENOENT) break;
    UniqueFd opened = TRY(std::move(file));
    if (!TRY(AreOneFile(opened, current, path_))) rotated.push_back(std::move(opened));
  }
  for (; !rotated.empty(); rotated.pop_back()) {
    file_ = std::move(rotated.back());
    TRY(ReadToEnd(sink));
    pending_.clear();
  }
  return {};
}

Result<UniqueFd> LogTail::OpenSuccessor() const {
  Result<UniqueFd> named = OpenAt(AT_FDCWD, path_, O_RDONLY);
  if (!named) {
    if (named.error().os_errno == ENOENT) return UniqueFd();
    return named;
  }
  if (!file_) return named;
  if (TRY(AreOneFile(file_, *named, path_))) return UniqueFd();
  return named;
}

Result<> LogTail::ReadToEnd(const Sink& sink) {
  for (;;) {
    size_t before = pending_.size();
    pending_.resize(before + kReadBytes);
    ssize_t count = read(file_.get(), pending_.data() + before, kReadBytes);
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
  if (rest.size() > kMaxLineBytes) return Fail(Code::kDataLoss, "read", path_, "not a container's log");
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
