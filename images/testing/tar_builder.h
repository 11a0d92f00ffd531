// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Builds archives for tests, well-formed and malicious ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace davit::images {

// One member of the archive; its fields are written unchanged.
struct TarMember {
  std::string name;
  char type = '0';
  std::string data;
  std::string link;
  int64_t mode = 0644;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t mtime = 1'000'000'000;
  int64_t major = 0;
  int64_t minor = 0;
  int64_t size = -1;  // in the header; -1: that of `data`
  std::vector<std::pair<std::string, std::string>> pax;
};

class TarBuilder {
 public:
  TarBuilder& Add(const TarMember& member);
  TarBuilder& Dir(const std::string& name, int64_t mode = 0755);
  TarBuilder& File(const std::string& name, const std::string& data, int64_t mode = 0644);
  TarBuilder& Symlink(const std::string& name, const std::string& target);
  TarBuilder& HardLink(const std::string& name, const std::string& target);
  TarBuilder& Whiteout(const std::string& dir_and_slash, const std::string& name);
  TarBuilder& Raw(std::string_view bytes);  // appended unchanged

  std::string Finish() const;  // with the end mark
  const std::string& Unfinished() const { return bytes_; }

  // A header block with its checksum. `patch` overwrites bytes of it before the checksum is computed.
  static std::string Header(const TarMember& member, size_t patch_offset = 0, std::string_view patch = {});
  static std::string Pad(std::string bytes);  // to a whole block
  static std::string PaxRecord(const std::string& key, const std::string& value);

 private:
  std::string bytes_;
};

std::string Gzip(std::string_view data);
std::string Zstd(std::string_view data);

}  // namespace davit::images
