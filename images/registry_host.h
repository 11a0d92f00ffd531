// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which servers are asked for an image, in which order and with which settings. Reads containerd's
// certs.d/<host>/hosts.toml (docs/hosts.md of containerd), so that the mirrors of a node keep working. One
// key is Davit's own, and ignored by containerd: `proxy`, a URL or "none", in a [host."URL"] table or, for
// the server itself, at the top.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "images/url.h"

namespace davit::images {

struct TlsSettings {
  std::vector<std::string> ca_files;  // trusted in addition to the system's CAs
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
  bool resolve = true;           // may resolve tags
  bool push = true;              // takes pushed images
  TlsSettings tls;
  std::vector<std::pair<std::string, std::string>> headers;  // sent to this host only
  int64_t dial_timeout_ms = 0;                               // 0: the client's default
  // https is tried first; if the server does not speak TLS, plain http is used.
  bool http_fallback = false;
  // The URL of the proxy for this host, its token server and where it redirects to, instead of what the
  // environment says (proxy_settings.h); empty: none.
  std::optional<std::string> proxy;
  bool mirror = false;  // of a [host."URL"] table; false: the server itself

  std::string BaseUrl() const { return scheme + "://" + host + path; }
  bool operator==(const RegistryHost&) const = default;
};

// Parses one hosts.toml. Returns its [host."URL"] tables in the order of the file, then the server that the
// file names (an entry with an empty `host` if it names none). Relative file names are relative to `dir`. A
// wrong entry is kInvalidArgument, which names key and value; containerd would continue without the mirrors.
Result<std::vector<RegistryHost>> ParseHostsToml(std::string_view text, const std::string& dir);

// The servers for image references with this `host`, mirrors first; the last one is the registry itself, also
// if the file gives it another name. `certs_d` is a ':'-separated list of directories; the
// first that has one of <name>_<port>_, <name>:<port> or _default is used. A directory without hosts.toml is
// read as Docker does: *.crt are CAs, *.cert and *.key client certificates. A registry on localhost or a
// loopback address needs no configuration: port 80 is plain http; on other ports its certificate is not
// verified, and plain http is the fallback unless the port is 443 or not given.
Result<std::vector<RegistryHost>> RegistryHostsFor(const std::string& host, const std::string& certs_d);

// The hosts.toml for image references with this `host`: the one that is used, or where to write one. Empty if
// `certs_d` is.
std::string HostsFileFor(const std::string& host, const std::string& certs_d);

// What `certs_d` says about TLS with the host of `url` itself, not with its mirrors; the default settings if
// it says nothing. Errors as in RegistryHostsFor.
Result<TlsSettings> ConfiguredTls(const Url& url, const std::string& certs_d);

}  // namespace davit::images
