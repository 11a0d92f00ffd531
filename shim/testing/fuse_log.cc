// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/testing/fuse_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>

namespace davit::shim {
namespace {

constexpr uint64_t kForSecond = 1'000'000;  // no name and no attribute is asked for again

fuse_attr Attributes(uint64_t id, uint64_t size) {
  fuse_attr attr{};
  attr.ino = id;
  attr.size = size;
  attr.mode = id == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr.nlink = 1;
  attr.blksize = 4096;
  return attr;
}

}  // namespace

std::string HangingFilesystem::WhyNot() {
  return access("/dev/fuse", R_OK | W_OK) == 0 ? "" : "needs /dev/fuse for a filesystem that hangs";
}

HangingFilesystem::HangingFilesystem() : server_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
  std::string options = "rootmode=40000,user_id=0,group_id=0,fd=" + std::to_string(server_.get());
  EXPECT_EQ(mount("hanging", mount_point_.path().c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()), 0);
  thread_ = std::thread([this] { Serve(); });
}

HangingFilesystem::~HangingFilesystem() {
  Resume();
  umount2(mount_point_.path().c_str(), MNT_FORCE);  // ends the server's read
  umount2(mount_point_.path().c_str(), MNT_DETACH);
  thread_.join();
}

std::string HangingFilesystem::Content(const std::string& name) {
  std::lock_guard lock(mutex_);
  return nodes_[name].content;
}

void HangingFilesystem::Hang() {
  std::lock_guard lock(mutex_);
  hangs_ = true;
}

void HangingFilesystem::AwaitVictim() {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [this] { return has_victim_; }));
}

void HangingFilesystem::Resume() {
  std::lock_guard lock(mutex_);
  hangs_ = has_victim_ = false;
  changed_.notify_all();
}

// Once it was read, a request cannot be interrupted any more.
void HangingFilesystem::PassGate() {
  std::unique_lock lock(mutex_);
  if (!hangs_) return;
  has_victim_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !hangs_; });
}

void HangingFilesystem::Serve() {
  std::vector<char> request(1 << 20);
  while (true) {
    request.resize(1 << 20);
    ssize_t n = read(server_.get(), request.data(), request.size());
    if (n < 0 && errno != ENODEV) continue;
    if (n <= 0) return;
    request.resize(static_cast<size_t>(n));
    PassGate();
    std::lock_guard lock(mutex_);
    Handle(request);
  }
}

void HangingFilesystem::Reply(uint64_t unique, int error, const void* body, size_t size) {
  fuse_out_header header{static_cast<uint32_t>(sizeof header + size), -error, unique};
  iovec parts[2] = {{&header, sizeof header}, {const_cast<void*>(body), size}};
  [[maybe_unused]] ssize_t n = writev(server_.get(), parts, size > 0 ? 2 : 1);
}

HangingFilesystem::Node* HangingFilesystem::Find(uint64_t id) {
  for (auto& [name, node] : nodes_) {
    if (node.id == id) return &node;
  }
  return nullptr;
}

HangingFilesystem::Node& HangingFilesystem::Name(const std::string& name) {
  Node& node = nodes_[name];
  if (node.id == 0) node.id = FUSE_ROOT_ID + nodes_.size();
  return node;
}

void HangingFilesystem::Handle(const std::vector<char>& request) {
  fuse_in_header header;
  std::memcpy(&header, request.data(), sizeof header);
  const char* body = request.data() + sizeof header;
  Node* node = Find(header.nodeid);
  switch (header.opcode) {
    case FUSE_INIT: {
      fuse_init_out out{};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = FUSE_KERNEL_MINOR_VERSION;
      out.max_write = 128 << 10;
      return Reply(header.unique, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
      Node& named = Name(body);
      fuse_entry_out out{};
      out.nodeid = named.id;
      out.entry_valid = out.attr_valid = kForSecond;
      out.attr = Attributes(named.id, named.content.size());
      return Reply(header.unique, 0, &out, sizeof out);
    }
    case FUSE_GETATTR:
    case FUSE_SETATTR: {
      fuse_attr_out out{};
      out.attr_valid = kForSecond;
      out.attr = Attributes(header.nodeid, node != nullptr ? node->content.size() : 0);
      return Reply(header.unique, 0, &out, sizeof out);
    }
    case FUSE_OPEN: {
      fuse_open_out out{};
      return Reply(header.unique, 0, &out, sizeof out);
    }
    case FUSE_WRITE: {
      fuse_write_in in;
      std::memcpy(&in, body, sizeof in);
      if (node == nullptr) return Reply(header.unique, ENOENT);
      node->content.resize(std::max<size_t>(node->content.size(), in.offset + in.size));
      node->content.replace(in.offset, in.size, body + sizeof in, in.size);
      fuse_write_out out{in.size, 0};
      return Reply(header.unique, 0, &out, sizeof out);
    }
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_FSYNC:
      return Reply(header.unique, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
      return;
    default:
      return Reply(header.unique, ENOSYS);
  }
}

}  // namespace davit::shim
