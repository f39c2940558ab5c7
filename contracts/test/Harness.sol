// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {BabyJubJub} from "../src/BabyJubJub.sol";
import {Consortium} from "../src/Consortium.sol";
import {IssuerRegistry} from "../src/IssuerRegistry.sol";
import {PoseidonT6} from "../src/PoseidonT6.sol";
import {TestKeys} from "./TestKeys.sol";
import {Vm} from "./Vm.sol";

/// @title What all tests share: assertions, refusals, and a registry governed by two of three members.
abstract contract Harness {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 internal constant FIELD_MODULUS = BabyJubJub.FIELD_MODULUS;
    uint256 internal constant START = 1_767_225_600;
    uint256 internal constant EMPTY_STATUS_ROOT = 12_345;
    uint32 internal constant SCHEMA = 0x10001;
    address internal constant OUTSIDER = address(0xdead);

    address[] internal members;
    Consortium internal consortium;
    PoseidonT6 internal poseidon;
    IssuerRegistry internal registry;

    error NotEqual(uint256 found, uint256 expected);
    error NotTrue();
    error NotRefused();
    error RefusedOtherwise(bytes found, bytes expected);

    function equal(uint256 found, uint256 expected) internal pure {
        if (found != expected) revert NotEqual(found, expected);
    }

    function equal(address found, address expected) internal pure {
        equal(uint160(found), uint160(expected));
    }

    function isTrue(bool condition) internal pure {
        if (!condition) revert NotTrue();
    }

    /// The call fails with exactly this error.
    function refused(address sender, address target, bytes memory data, bytes memory reason) internal {
        vm.prank(sender);
        (bool ok, bytes memory returned) = target.call(data);
        if (ok) revert NotRefused();
        if (keccak256(returned) != keccak256(reason)) revert RefusedOtherwise(returned, reason);
    }

    /// The call as `sender` succeeds.
    function done(address sender, address target, bytes memory data) internal returns (bytes memory returned) {
        bool ok;
        vm.prank(sender);
        (ok, returned) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(returned, 32), mload(returned))
            }
        }
    }

    function refusal(bytes4 selector) internal pure returns (bytes memory) {
        return abi.encodePacked(selector);
    }

    function refusal(bytes4 selector, uint256 value) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, value);
    }

    function refusal(bytes4 selector, uint256 first, uint256 second) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, first, second);
    }

    function refusal(bytes4 selector, address value) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, value);
    }

    function vectors(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("test/vectors/", name));
    }

    function deployRegistry(uint256 emptyStatusRoot) internal {
        vm.warp(START);
        delete members;
        for (uint256 i = 1; i <= 3; ++i) {
            members.push(vm.addr(i));
        }
        consortium = new Consortium(members, 2);
        poseidon = new PoseidonT6();
        registry = new IssuerRegistry(consortium, poseidon, emptyStatusRoot);
    }

    /// Proposed and approved by two members: what is left is to execute it.
    function approved(address target, bytes memory data) internal returns (uint256 id) {
        bytes memory propose = abi.encodeCall(Consortium.propose, (target, data));
        id = abi.decode(done(members[0], address(consortium), propose), (uint256));
        done(members[1], address(consortium), abi.encodeCall(Consortium.approve, (id)));
    }

    function decide(address target, bytes memory data) internal {
        bytes memory execute = abi.encodeCall(Consortium.execute, (approved(target, data)));
        done(members[1], address(consortium), execute);
    }

    function decideRefused(address target, bytes memory data, bytes memory why) internal {
        bytes memory execute = abi.encodeCall(Consortium.execute, (approved(target, data)));
        refused(members[1], address(consortium), execute, why);
    }

    /// The request for an issuer with the n-th test key.
    function request(address issuer, uint256 n) internal view returns (IssuerRegistry.Accreditation memory) {
        (BabyJubJub.Point memory key, BabyJubJub.Point memory eighth) = TestKeys.key(n);
        return IssuerRegistry.Accreditation(issuer, SCHEMA, uint40(START + 365 days), key, eighth);
    }

    function accredit(address issuer, uint256 n) internal returns (uint256 index) {
        index = registry.entryCount();
        decide(address(registry), abi.encodeCall(IssuerRegistry.accredit, (request(issuer, n))));
    }
}
