// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/platform.h"

#include <algorithm>
#include <cctype>

namespace davit::images {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

std::string Platform::ToString() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform HostPlatform() {
#if defined(__x86_64__)
  return {"linux", "amd64", ""};
#elif defined(__aarch64__)
  return {"linux", "arm64", ""};
#elif defined(__arm__)
  return {"linux", "arm", "v7"};
#elif defined(__i386__)
  return {"linux", "386", ""};
#elif defined(__riscv) && __riscv_xlen == 64
  return {"linux", "riscv64", ""};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return {"linux", "ppc64le", ""};
#elif defined(__s390x__)
  return {"linux", "s390x", ""};
#else
#error "name this architecture as Go does"
#endif
}

Platform Normalise(Platform platform) {
  platform.os = Lower(platform.os);
  platform.architecture = Lower(platform.architecture);
  platform.variant = Lower(platform.variant);
  std::string& arch = platform.architecture;
  std::string& variant = platform.variant;
  if (arch == "x86_64" || arch == "x86-64") arch = "amd64";
  if (arch == "i386" || arch == "i686") arch = "386";
  if (arch == "aarch64") arch = "arm64";
  if (arch == "armhf") arch = "arm", variant = "v7";
  if (arch == "armel") arch = "arm", variant = "v6";
  if (!variant.empty() && variant[0] != 'v') variant = "v" + variant;
  if (arch == "amd64" && variant == "v1") variant.clear();
  if (arch == "arm64" && variant == "v8") variant.clear();
  if (arch == "arm" && variant.empty()) variant = "v7";
  return platform;
}

std::vector<Platform> Runnable(const Platform& host) {
  Platform best = Normalise(host);
  std::vector<Platform> platforms = {best};
  if (!best.variant.empty() && best.architecture != "arm")
    platforms.push_back({best.os, best.architecture, ""});
  if (best.architecture == "amd64") platforms.push_back({best.os, "386", ""});
  if (best.architecture == "arm64" || best.architecture == "arm") {
    for (const char* variant : {"v8", "v7", "v6", "v5"}) {
      if (best.architecture == "arm64" || best.variant > variant)
        platforms.push_back({best.os, "arm", variant});
    }
  }
  return platforms;
}

}  // namespace davit::images
