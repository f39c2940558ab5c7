// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title The checks that a BabyJubJub key must pass before an issuer is accredited with it.
/// @dev Twisted Edwards 168700·x² + y² = 1 + 168696·x²·y² over the scalar field of BN254, of order 8·l.
library BabyJubJub {
    struct Point {
        uint256 x;
        uint256 y;
    }

    uint256 internal constant FIELD_MODULUS =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 private constant A = 168700;
    uint256 private constant D = 168696;

    error CoordinateTooLarge();
    error NotOnCurve();
    error IdentityKey();
    error NotInPrimeOrderSubgroup();

    /// @notice Accepts a key if it is 8 times `eighth`, which holds exactly for the subgroup of order l.
    /// @param eighth the key times the inverse of 8 modulo l: computed by whoever proposes the key.
    function requireValidKey(Point calldata key, Point calldata eighth) internal pure {
        requireOnCurve(key);
        if (key.x == 0) revert IdentityKey();
        requireOnCurve(eighth);
        (uint256 x, uint256 y, uint256 z) = (eighth.x, eighth.y, 1);
        for (uint256 i = 0; i < 3; ++i) {
            (x, y, z) = double(x, y, z);
        }
        if (x != mulmod(key.x, z, FIELD_MODULUS) || y != mulmod(key.y, z, FIELD_MODULUS)) {
            revert NotInPrimeOrderSubgroup();
        }
    }

    function requireOnCurve(Point calldata point) private pure {
        if (point.x >= FIELD_MODULUS || point.y >= FIELD_MODULUS) revert CoordinateTooLarge();
        uint256 xx = mulmod(point.x, point.x, FIELD_MODULUS);
        uint256 yy = mulmod(point.y, point.y, FIELD_MODULUS);
        uint256 left = addmod(mulmod(A, xx, FIELD_MODULUS), yy, FIELD_MODULUS);
        uint256 right = addmod(1, mulmod(D, mulmod(xx, yy, FIELD_MODULUS), FIELD_MODULUS), FIELD_MODULUS);
        if (left != right) revert NotOnCurve();
    }

    // Projective doubling, complete on this curve: A is a square and D is not.
    function double(uint256 x, uint256 y, uint256 z) private pure returns (uint256, uint256, uint256) {
        uint256 p = FIELD_MODULUS;
        uint256 b = addmod(x, y, p);
        b = mulmod(b, b, p);
        uint256 c = mulmod(x, x, p);
        uint256 d = mulmod(y, y, p);
        uint256 e = mulmod(A, c, p);
        uint256 f = addmod(e, d, p);
        uint256 j = addmod(f, p - mulmod(2, mulmod(z, z, p), p), p);
        uint256 cross = addmod(b, p - addmod(c, d, p), p);
        return (mulmod(cross, j, p), mulmod(f, addmod(e, p - d, p), p), mulmod(f, j, p));
    }
}
