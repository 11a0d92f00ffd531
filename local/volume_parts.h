// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What is beside the volumes in their directory. No volume has such a name.
#pragma once

namespace davit::local {

inline constexpr char kStagingName[] = ".staging";  // volumes and fills that are being made
inline constexpr char kTrashName[] = ".trash";      // removed volumes that are being deleted

}  // namespace davit::local
