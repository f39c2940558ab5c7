// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title A deployment, found from one address. Written once; an upgrade is a new deployment with a new book.
contract AddressBook {
    mapping(bytes32 => address) private _addresses;
    bytes32[] private _names;

    error UnknownName(bytes32 name);
    error DuplicateName(bytes32 name);
    error LengthMismatch(uint256 names, uint256 addresses);
    error NotAContract(address entry);

    constructor(bytes32[] memory names_, address[] memory addresses) {
        if (names_.length != addresses.length) revert LengthMismatch(names_.length, addresses.length);
        for (uint256 i = 0; i < names_.length; ++i) {
            if (_addresses[names_[i]] != address(0)) revert DuplicateName(names_[i]);
            if (addresses[i].code.length == 0) revert NotAContract(addresses[i]);
            _addresses[names_[i]] = addresses[i];
        }
        _names = names_;
    }

    /// @notice The contract of that name: ASCII, padded with zero bytes on the right.
    function addressOf(bytes32 name) external view returns (address found) {
        found = _addresses[name];
        if (found == address(0)) revert UnknownName(name);
    }

    function names() external view returns (bytes32[] memory) {
        return _names;
    }
}
