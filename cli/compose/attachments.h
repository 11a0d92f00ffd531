// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Secrets and configs as files of the host that containers mount.
#pragma once

#include <map>
#include <string>

#include "cli/compose/config_hash.h"
#include "cli/compose/model/project.h"

namespace davit::cli::compose {

// The largest secret or config, in bytes.
inline constexpr size_t kMostAttachment = 1 << 20;

// Reads the texts of all secrets and configs. A file is a regular one, and not by way of a symbolic link as
// its last part. Errors name the secret or config.
Result<Attachments> ReadAttachments(const Project& project);

// Writes those that the service uses into files that root owns, with the mode that the service gives, or
// 0444, in directories that only root enters. Returns their paths by the targets in the container. The same
// text gets the same file, so containers that run see no change.
Result<std::map<std::string, std::string>> WriteAttachments(const Project& project, const Service& service,
                                                            const Attachments& attachments);

// Removes what WriteAttachments has made for the project; nothing may mount it.
Result<> RemoveAttachments(const std::string& project);

}  // namespace davit::cli::compose
