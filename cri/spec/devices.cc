// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "cri/spec/field.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;
namespace fs = std::filesystem;

constexpr std::string_view kAllAccess = "rwm";
constexpr int64_t kAny = -1;

// Names directly below /dev that a container has of its own.
constexpr std::string_view kOwnNames[] = {"pts", "shm", "mqueue", "fd", "console", "ptmx"};

// Nothing for what is no device.
std::optional<shim::DeviceStep> DeviceOf(const struct stat& st, const std::string& inside) {
  if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) return std::nullopt;
  shim::DeviceStep device;
  device.path = inside;
  device.type = S_ISCHR(st.st_mode) ? 'c' : 'b';
  device.major = major(st.st_rdev);
  device.minor = minor(st.st_rdev);
  device.mode = st.st_mode & 07777;
  device.uid = st.st_uid;
  device.gid = st.st_gid;
  return device;
}

// Every device below `directory`, by path; what disappears on the way is left out.
Result<> CollectDevices(const fs::path& directory, const std::string& inside, bool top,
                        std::vector<shim::DeviceStep>& found) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return SystemError("read directory", directory.string(), error.value());
  std::ranges::sort(entries);
  for (const fs::path& entry : entries) {
    std::string name = entry.filename().string();
    if (top && std::ranges::find(kOwnNames, name) != std::end(kOwnNames)) continue;
    struct stat st;
    if (lstat(entry.c_str(), &st) < 0) continue;
    if (S_ISDIR(st.st_mode)) TRY(CollectDevices(entry, inside + "/" + name, /*top=*/false, found));
    if (auto device = DeviceOf(st, inside + "/" + name)) found.push_back(*device);
  }
  return {};
}

// In the order r, w, m, each at most once.
Result<std::string> ParseAccess(const std::string& permissions) {
  if (permissions.empty()) return std::string(kAllAccess);
  if (permissions.find_first_not_of(kAllAccess) != std::string::npos) {
    return BadField("devices.permissions", permissions, "has other letters than r, w and m");
  }
  std::string access;
  for (char c : kAllAccess) {
    if (permissions.find(c) != std::string::npos) access += c;
  }
  return access;
}

Result<std::vector<shim::DeviceStep>> RequestedDevice(const v1::Device& request) {
  std::string access = TRY(ParseAccess(request.permissions()));
  std::string outside = TRY(CleanAbsolutePath("devices.host_path", request.host_path()));
  std::string inside = outside;
  if (!request.container_path().empty()) {
    inside = TRY(CleanAbsolutePath("devices.container_path", request.container_path()));
  }
  if (inside == "/") return BadField("devices.container_path", inside, "is the root");
  struct stat st;
  if (stat(outside.c_str(), &st) < 0)
    return std::unexpected(Within("devices.host_path", SystemError("stat", outside).error()));
  std::vector<shim::DeviceStep> found;
  if (S_ISDIR(st.st_mode)) {
    TRY(CollectDevices(outside, inside, /*top=*/outside == "/dev", found));
    if (found.empty()) return BadField("devices.host_path", outside, "is a directory without devices");
  } else if (auto device = DeviceOf(st, inside)) {
    found.push_back(*device);
  } else {
    return BadField("devices.host_path", outside, "is not a device");
  }
  for (shim::DeviceStep& device : found) device.access = access;
  return found;
}

DeviceRule Allow(char type, int64_t major, int64_t minor, std::string access) {
  return {.allow = true, .type = type, .major = major, .minor = minor, .access = std::move(access)};
}

}  // namespace

Result<std::vector<shim::DeviceStep>> RequestedDevices(
    const google::protobuf::RepeatedPtrField<v1::Device>& devices) {
  std::vector<shim::DeviceStep> steps;
  for (const v1::Device& request : devices) {
    std::vector<shim::DeviceStep> found = TRY(RequestedDevice(request));
    steps.insert(steps.end(), found.begin(), found.end());
  }
  return steps;
}

Result<shim::DeviceStep> DeviceAt(const std::string& host_path, const std::string& inside) {
  struct stat st;
  if (stat(host_path.c_str(), &st) < 0) return SystemError("stat", host_path);
  std::optional<shim::DeviceStep> device = DeviceOf(st, inside);
  if (!device) return BadField("device", host_path, "is not a device");
  return *device;
}

Result<std::vector<shim::DeviceStep>> HostDevices(const std::string& directory) {
  std::vector<shim::DeviceStep> found;
  TRY(CollectDevices(directory, "/dev", /*top=*/true, found));
  return found;
}

std::vector<DeviceRule> DeviceRulesOf(const shim::ContainerPlan& plan) {
  if (plan.all_devices) return {Allow('a', kAny, kAny, "rwm")};
  // A node alone gives no access, so making one of any device is harmless (and images' own scripts do it).
  std::vector<DeviceRule> rules = {
      {.allow = false, .type = 'a', .major = kAny, .minor = kAny, .access = "rwm"},
      Allow('c', kAny, kAny, "m"),
      Allow('b', kAny, kAny, "m"),
      Allow('c', 1, 3, "rwm"),       // null
      Allow('c', 1, 5, "rwm"),       // zero
      Allow('c', 1, 7, "rwm"),       // full
      Allow('c', 1, 8, "rwm"),       // random
      Allow('c', 1, 9, "rwm"),       // urandom
      Allow('c', 5, 0, "rwm"),       // tty
      Allow('c', 5, 2, "rwm"),       // ptmx
      Allow('c', 136, kAny, "rwm"),  // pts/*
  };
  for (const shim::DeviceStep& device : plan.devices) {
    if (device.type == 'p') continue;  // a FIFO, no device
    rules.push_back(Allow(device.type, device.major, device.minor, device.access));
  }
  return rules;
}

}  // namespace davit::cri
