// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What plugins have attached, in files as libcni keeps them (libcni/api.go of containernetworking/cni, kind
// "cniCacheV1"), so that other programs find it: podman, cnitool, Multus, and a runtime that takes the node
// over.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cni/plugin_config.h"

namespace davit::cni {

// One file, DIRECTORY/results/NETWORK-CONTAINER-INTERFACE.
struct CachedAttachment {
  std::string network;
  std::string container_id;
  std::string interface;
  std::string netns_path;
  std::string config;                                     // the text of the network configuration
  std::vector<std::pair<std::string, std::string>> args;  // CNI_ARGS
  CapabilityArguments capabilities;
  std::string result;  // JSON, of the last plugin
  // Which process made it, in a member that libcni ignores: runtimes share the directory. Empty: not known.
  std::string owner = {};
};

// Parses the content of a file. kInvalidArgument, with `path`, if it is not one of libcni's.
Result<CachedAttachment> ParseCachedAttachment(const std::string& text, const std::string& path);

// Thread-safe for different attachments. The files survive everything but a power cut, after which the pods
// are gone.
class ResultCache {
 public:
  // Nothing is made before the first Put. An empty directory: no cache, nothing is found.
  explicit ResultCache(std::string directory) : directory_(std::move(directory)) {}

  // Replaces the file as a whole. Only root can read it.
  Result<> Put(const CachedAttachment& attachment) const;

  // kNotFound if there is none; kInvalidArgument, with the file's name, if it is not one of libcni's.
  Result<CachedAttachment> Get(const std::string& network, const std::string& container_id,
                               const std::string& interface) const;

  // Idempotent.
  Result<> Remove(const std::string& network, const std::string& container_id,
                  const std::string& interface) const;

  // Those of all runtimes, by file name. What cannot be read is omitted.
  std::vector<CachedAttachment> List() const;

 private:
  Result<CachedAttachment> Read(const std::string& name) const;
  std::string Folder() const { return directory_ + "/results"; }

  const std::string directory_;
};

}  // namespace davit::cni
