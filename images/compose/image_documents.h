// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The documents of an image that is made on this node: those of another image, or of none, and one more
// layer.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "images/image_record.h"
#include "images/manifest.h"
#include "images/manifest_search.h"
#include "images/platform.h"

namespace davit::images {

// What the configuration is to have instead of, or beside, what it has.
struct ConfigChanges {
  std::optional<std::vector<std::string>> entrypoint;  // alone, it also takes the command away
  std::optional<std::vector<std::string>> command;
  std::vector<std::string> env;  // NAME=VALUE
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> volumes;
  std::optional<std::string> user;
  std::optional<std::string> working_dir;
  std::optional<std::string> stop_signal;
  std::vector<std::string> on_build;
};

struct NewLayer {
  Descriptor blob;  // without a media type
  std::string diff_id;
};

// The entry of the layer in the history.
struct HistoryEntry {
  std::string created;  // RFC 3339
  std::string created_by;
  std::string author;
  std::string comment;
};

// `base` is null for an image of this layer alone, which is for `platform`. `changes` are applied in order.
// The layer is compressed with gzip. The manifest is of the kind that the base has, OCI's or Docker's.
// kInvalidArgument if the base cannot have layers put on it.
Result<ImageDocuments> ComposeImage(const ImageRecord* base, const Platform& platform,
                                    const std::vector<ConfigChanges>& changes, const NewLayer& layer,
                                    const HistoryEntry& entry);

}  // namespace davit::images
