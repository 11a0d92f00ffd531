// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The labels that say which project and service a container, network or volume belongs to: Docker's.
#pragma once

namespace davit::cli::compose {

inline constexpr char kProjectLabel[] = "com.docker.compose.project";
inline constexpr char kServiceLabel[] = "com.docker.compose.service";
inline constexpr char kNumberLabel[] = "com.docker.compose.container-number";
inline constexpr char kHashLabel[] = "com.docker.compose.config-hash";
inline constexpr char kOneOffLabel[] = "com.docker.compose.oneoff";  // "True" or "False"
inline constexpr char kDirectoryLabel[] = "com.docker.compose.project.working_dir";
inline constexpr char kFilesLabel[] = "com.docker.compose.project.config_files";
inline constexpr char kNetworkLabel[] = "com.docker.compose.network";
inline constexpr char kVolumeLabel[] = "com.docker.compose.volume";

}  // namespace davit::cli::compose
