// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the daemon and davit-rootfs tell each other. The process reads and writes the files of one container,
// which may be hostile, confined to them (enter.h), and ends. Messages are of base/codec.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error_message.h"

namespace davit::local {

// Its descriptors. 0 is the archive that it reads, 1 what it writes.
inline constexpr int kRootfsRequestFd = 3;  // a sealed memfd
inline constexpr int kRootfsReportFd = 4;   // a pipe, written when it has finished
inline constexpr int kRootfsTreeFd = 5;     // as RootfsTree says
inline constexpr int kRootfsBaseFd =
    6;  // of kListChanges and kPackChanges: the image's files, a detached mount, if it has any
inline constexpr size_t kMostRootfsRequest = 32 << 20;
inline constexpr size_t kMostRootfsReport = 256 << 10;

enum class RootfsVerb : uint8_t {
  kStat = 0,         // report what `path` is
  kPack = 1,         // write `path` as an archive
  kExtract = 2,      // extract the archive into the directory `path`
  kExport = 3,       // write the whole tree as an archive
  kListChanges = 4,  // write what a writable layer changes of the image (ChangeRecord)
  kPackChanges = 5,  // write that as a layer, compressed with gzip
  kRecompress = 6,   // write the archive, which may be compressed, compressed with gzip
};
constexpr RootfsVerb LastOf(RootfsVerb) {
  return RootfsVerb::kRecompress;
}

// What kRootfsTreeFd is.
enum class RootfsTree : uint8_t {
  kMount = 0,        // a detached mount
  kDirectory = 1,    // a directory of the host, which stands for its mount from there on
  kProcess = 2,      // a process (pidfd): its mount namespace, with all that is mounted there
  kProcessRoot = 3,  // the same, but only what is mounted at its root
};
constexpr RootfsTree LastOf(RootfsTree) {
  return RootfsTree::kProcessRoot;
}

// A directory or file of the host that is mounted in the tree.
struct RootfsMount {
  std::string source;
  std::string target;
  bool read_only = false;

  auto Fields() { return FieldList(Field<1>(source), Field<2>(target), Field<3>(read_only)); }
};

struct RootfsRequest {
  RootfsVerb verb = RootfsVerb::kStat;
  RootfsTree tree = RootfsTree::kMount;
  std::vector<RootfsMount> mounts;
  bool read_only = false;  // the tree itself, apart from `mounts`
  std::string path;
  bool follow_link = false;  // if the last component of `path` is a symlink: what it points to
  std::string archive_name;  // of `path` in the archive
  bool keep_owners = false;  // of kExtract: ExtractOptions::Owners
  bool has_base = false;     // kRootfsBaseFd is there

  auto Fields() {
    return FieldList(Field<1>(verb), Field<2>(tree), Field<3>(mounts), Field<4>(read_only), Field<5>(path),
                     Field<6>(follow_link), Field<7>(archive_name), Field<8>(keep_owners),
                     Field<9>(has_base));
  }
};

struct RootfsReport {
  ErrorMessage failure;  // set if `complete` is false

  // kStat.
  uint32_t mode = 0;  // st_mode
  uint64_t size = 0;
  int64_t mtime = 0;  // nanoseconds since 1970
  std::string link_target;

  uint64_t entries = 0;
  uint64_t bytes = 0;                 // of content
  std::vector<std::string> problems;  // the first ones
  uint64_t problem_count = 0;
  std::string diff_id;    // kPackChanges, kRecompress: digest of the uncompressed stream
  bool complete = false;  // the last field: a truncated report lacks it

  auto Fields() {
    return FieldList(Field<1>(failure), Field<2>(mode), Field<3>(size), Field<4>(mtime),
                     Field<5>(link_target), Field<6>(entries), Field<7>(bytes), Field<8>(problems),
                     Field<9>(problem_count), Field<10>(diff_id), Field<15>(complete));
  }
};

}  // namespace davit::local
