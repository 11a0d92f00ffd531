// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/preload/directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace davit::images {
namespace {

constexpr uint32_t kFileEvents = IN_CLOSE_WRITE | IN_MOVED_TO;
constexpr uint32_t kOwnEvents = IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

Result<DirectoryWatch> DirectoryWatch::Start(const std::string& path) {
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return SystemError("inotify_init1", path);
  if (inotify_add_watch(inotify.get(), path.c_str(), kFileEvents | kOwnEvents | IN_ONLYDIR) < 0)
    return SystemError("inotify_add_watch", path);
  return DirectoryWatch(std::move(inotify));
}

Result<DirectoryWatch::Changes> DirectoryWatch::Take() {
  Changes changes;
  alignas(inotify_event) char buffer[16 << 10];
  while (true) {
    ssize_t size = read(inotify_.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return changes;
    if (size < 0) return SystemError("read", "inotify");
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      if ((event.mask & kFileEvents) != 0 && event.len > 0) changes.files.insert(buffer + at + sizeof event);
      changes.all |= (event.mask & IN_Q_OVERFLOW) != 0;
      changes.gone |= (event.mask & (kOwnEvents | IN_IGNORED)) != 0;
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace davit::images
