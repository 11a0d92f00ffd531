// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/network/directory_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

namespace davit::cri {
namespace {

constexpr uint32_t kChanges =
    IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

DirectoryWatch::DirectoryWatch(std::string path)
    : path_(std::move(path)), fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  Renew();
}

void DirectoryWatch::Renew() {
  if (!fd_) return;
  // Before the queue is emptied: a watch of a removed directory reports its own end. Adding one twice is one.
  inotify_add_watch(fd_.get(), path_.c_str(), kChanges);
  std::array<char, 4096> events;
  while (read(fd_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace davit::cri
