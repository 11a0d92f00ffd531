// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What people can do about a registry that does not serve an image, as the end of an error's text ("; ...");
// empty where nothing can be said. It is part of the error, so that the events of a pod have it, too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "images/http_client.h"
#include "images/url.h"

namespace davit::images {

// Where settings of a host are written.
struct HostPlace {
  std::string host;      // with its port, unless it is its scheme's
  std::string registry;  // whose hosts.toml has them: that of the image's reference, or a host of its own
  std::string certs_d;   // as in RegistryHostsFor
  bool mirror = false;   // they are in a table of their own there
};
// Of a host that the registry has sent the client to.
HostPlace PlaceOf(const Url& url, const std::string& certs_d);

// After an answer with `not_tls` or `untrusted`.
std::string TlsAdvice(const HttpResponse& response, const HostPlace& place);

// After a request that could not be sent.
enum class Unreachable : uint8_t {
  kOther,
  kNoAddress,     // the host's name has none
  kNoConnection,  // nor an answer from a proxy
  kNoProxy,       // the proxy's name has no address
};
std::string ConnectionAdvice(Unreachable how);

// After an answer with this status that is no reason to give up.
std::string BusyAdvice(int status);

// After a pull that was refused.
struct RefusedPull {
  Code code;
  std::string_view registry;
  bool by_tag = false;  // the object is a manifest, by its tag
  bool logged_in = false;
};
std::string PullAdvice(const RefusedPull& refused);

}  // namespace davit::images
