// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which servers are asked for an image, in which order and how: containerd's certs.d/<host>/hosts.toml
// (docs/hosts.md of containerd), so that a node's mirrors go on working.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace davit {

struct TlsSettings {
  std::vector<std::string> ca_files;  // trusted besides the system's
  std::vector<std::pair<std::string, std::string>>
      client_pairs;  // certificate file, key file (empty: the same file)
  bool skip_verify = false;

  bool operator==(const TlsSettings&) const = default;
};

struct RegistryHost {
  std::string scheme = "https";  // or "http"
  std::string host;              // with its port: "registry-1.docker.io", "10.0.0.1:5000"
  std::string path = "/v2";      // root of the API
  bool pull = true;              // may serve content by digest
  bool resolve = true;           // may say what a tag means
  TlsSettings tls;
  std::vector<std::pair<std::string, std::string>> headers;  // sent to this host only
  int64_t dial_timeout_ms = 0;                               // 0: the client's own
  // Plain http is allowed, but https is tried first, because TLS was configured for the host.
  bool http_fallback = false;

  std::string BaseUrl() const { return scheme + "://" + host + path; }
  bool operator==(const RegistryHost&) const = default;
};

// Reads one hosts.toml: its [host."URL"] tables in the order in which they are written, then the server that
// it names (an entry with an empty `host` when it names none). Relative file names are below `dir`.
// kInvalidArgument names key and value; unlike containerd, which would go on without the mirrors.
Result<std::vector<RegistryHost>> ParseHostsToml(std::string_view text, const std::string& dir);

// The servers for images whose reference says `host`. `certs_d` is a ':'-separated list of directories; the
// first that has one of <name>_<port>_, <name>:<port> or _default decides. A directory without hosts.toml is
// read the way Docker does:
// *.crt are CAs, *.cert and *.key client certificates. Plain http is used for a host that is configured so,
// and for loopback addresses and localhost.
Result<std::vector<RegistryHost>> RegistryHostsFor(const std::string& host, const std::string& certs_d);

}  // namespace davit
