// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/disk_io.h"

#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

namespace davit::cri {
namespace {

using ByDevice = std::map<std::pair<uint32_t, uint32_t>, DeviceIo>;

// "8:0"; null for anything else, such as v1's line "Total 0".
DeviceIo* FindDevice(ByDevice& devices, const std::string& text) {
  uint32_t major = 0;
  uint32_t minor = 0;
  char colon = 0;
  std::istringstream number(text);
  if (!(number >> major >> colon >> minor) || colon != ':') return nullptr;
  DeviceIo& device = devices[{major, minor}];
  device.major = major;
  device.minor = minor;
  return &device;
}

// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0"
void ParseV2(const std::string& text, ByDevice& devices) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    if (!(words >> word)) continue;
    DeviceIo* device = FindDevice(devices, word);
    if (device == nullptr) continue;
    while (words >> word) {
      size_t equals = word.find('=');
      if (equals == std::string::npos) continue;
      uint64_t value = ParseNumber(std::string_view(word).substr(equals + 1)).value_or(0);
      std::string_view key = std::string_view(word).substr(0, equals);
      if (key == "rbytes") device->read_bytes = value;
      if (key == "wbytes") device->written_bytes = value;
      if (key == "rios") device->reads = value;
      if (key == "wios") device->writes = value;
    }
  }
}

// "8:0 Read 1"
void ParseV1(const std::string& text, ByDevice& devices, uint64_t DeviceIo::* reads,
             uint64_t DeviceIo::* writes) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string operation;
    uint64_t value = 0;
    if (!(words >> name >> operation >> value)) continue;
    DeviceIo* device = FindDevice(devices, name);
    if (device == nullptr) continue;
    if (operation == "Read") device->*reads = value;
    if (operation == "Write") device->*writes = value;
  }
}

}  // namespace

std::vector<DeviceIo> ReadDiskIo(const CgroupFiles& files) {
  ByDevice devices;
  if (files.V2("io")) {
    ParseV2(files.Read("io", "io.stat").value_or(""), devices);
  } else {
    ParseV1(files.Read("blkio", "blkio.throttle.io_service_bytes_recursive").value_or(""), devices,
            &DeviceIo::read_bytes, &DeviceIo::written_bytes);
    ParseV1(files.Read("blkio", "blkio.throttle.io_serviced_recursive").value_or(""), devices,
            &DeviceIo::reads, &DeviceIo::writes);
  }
  std::vector<DeviceIo> list;
  for (auto& [number, device] : devices) list.push_back(device);
  return list;
}

std::string DeviceName(uint32_t major, uint32_t minor) {
  std::string number = std::to_string(major) + ":" + std::to_string(minor);
  std::error_code failed;
  std::filesystem::path link = std::filesystem::read_symlink("/sys/dev/block/" + number, failed);
  return failed ? number : "/dev/" + link.filename().string();
}

}  // namespace davit::cri
